"""The journey on the laptop cloud with IAM enforced: undisturbed, and with the vendor and the database misbehaving."""

import os
import signal
from typing import Any

import pytest

from infra.local.books import Books
from infra.local.journey import WORK_PRICE, Journey, creator_part
from infra.local.paying import Payments
from infra.local.playing import House, Person
from infra.local.renewing import Renewal
from tests.e2e.conftest import Laptop


@pytest.fixture(scope="module")
def journey(base_url: str) -> Journey:
    """A creator with a work on sale, and a reader; played once for the tests of this file."""
    made = Journey(House(base_url))
    made.play()
    return made


class Shop:
    """What the disturbed purchases need: a creator with works, a reader, the simulator's switches."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.house = journey.house
        self.creator = journey.people["creator"]
        self.reader = journey.people["reader"]
        for person in (self.creator, self.reader):
            journey.relogin(person)

    def order(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A new work, its order, and a payment started."""
        work = self.journey.publish_work(self.creator)
        order = self.reader.post("/payments/orders", {"kind": "content", "target_id": work["content_id"]})
        payment = self.reader.post("/payments/alipay/create", {"order_no": order["order_no"]})
        return work, order, payment

    def behave(self, **told: Any) -> None:
        self.house.local("POST", "/sandbox/alipay/behaviour", told)

    def pay(self, payment: dict[str, Any]) -> None:
        self.house.local("POST", "/sandbox/alipay/pay", {"order_no": payment["payment_no"]})

    def status(self, order: dict[str, Any]) -> str:
        return str(self.reader.get(f"/payments/status/{order['order_no']}")["status"])

    def until_unlocked(self, work: dict[str, Any]) -> None:
        path = f"/contents/detail/{work['content_id']}"
        self.house.until("the work to be unlocked", lambda: not self.reader.get(path)["is_preview"])

    def pending(self) -> int:
        return int(self.creator.get("/earnings/summary")["pending"])


@pytest.fixture
def shop(journey: Journey) -> Any:
    made = Shop(journey)
    made.behave(reset=True)
    yield made
    made.behave(reset=True)


def test_the_journey_holds_every_check(journey: Journey) -> None:
    assert journey.house.checks >= 30


@pytest.mark.parametrize("notify", ["duplicate", "late"])
def test_a_notice_that_comes_twice_or_late_is_booked_once(shop: Shop, notify: str) -> None:
    before = shop.pending()
    work, order, payment = shop.order()
    shop.behave(notify=notify, delay_seconds=2)
    shop.pay(payment)
    shop.until_unlocked(work)
    shop.house.until("the earning", lambda: shop.pending() == before + creator_part(WORK_PRICE))
    assert shop.status(order) == "paid"


@pytest.mark.parametrize("notify", ["wrong_signature", "wrong_app_id", "silent"])
def test_a_forged_or_missing_notice_is_made_good_by_asking(shop: Shop, notify: str) -> None:
    work, order, payment = shop.order()
    shop.behave(notify=notify)
    shop.pay(payment)
    assert shop.status(order) == "pending"
    asked = shop.reader.post(f"/payments/verify/{order['order_no']}")
    assert asked["order"]["status"] == "paid"
    shop.until_unlocked(work)


def test_while_the_vendor_is_down_nothing_is_lost(shop: Shop) -> None:
    work, order, payment = shop.order()
    shop.behave(notify="silent")
    shop.pay(payment)
    shop.behave(gateway="down")
    reply = shop.reader.call("POST", f"/payments/verify/{order['order_no']}")
    assert (reply.status_code, reply.json()["error"]) == (502, "gateway_error")
    assert shop.status(order) == "pending"
    shop.behave(reset=True)
    shop.house.move_clock("2m")
    shop.until_unlocked(work)
    assert shop.status(order) == "paid"


def test_postgresql_restarted_in_the_middle_of_a_purchase(shop: Shop, laptop: Laptop) -> None:
    if laptop.state is None:
        pytest.skip("this laptop cloud is someone else's")
    work, order, payment = shop.order()
    postmaster = int((laptop.state / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGQUIT)
    shop.pay(payment)
    shop.house.wait_until_ready()
    shop.until_unlocked(work)
    assert shop.status(order) == "paid"


def test_what_is_others_is_not_found(shop: Shop) -> None:
    _, order, _ = shop.order()
    stranger: Person = shop.journey.register("stranger")
    for method, path in (
        ("GET", f"/payments/status/{order['order_no']}"),
        ("POST", f"/payments/orders/{order['order_no']}/cancel"),
        ("POST", f"/payments/verify/{order['order_no']}"),
        ("GET", f"/subscriptions/status/{shop.journey.subscription_id}"),
    ):
        assert stranger.call(method, path, {} if method == "POST" else None).status_code == 404


@pytest.mark.parametrize("chapter", [Payments, Renewal, Books])
def test_the_chapters_after_it_hold_every_check(journey: Journey, chapter: type[Payments | Renewal | Books]) -> None:
    before = journey.house.checks
    journey.house.move_clock("11m")  # ten orders in ten minutes are a reader's, the eleventh is refused
    chapter(journey).play()
    assert journey.house.checks > before
