"""A buyer changes the method: attempts of several channels side by side, one of them pays, nothing of the rest is lost."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.base import Paid
from functions.payments.gateways.null import NullGateway
from functions.payments.models import Channel, Scene
from functions.payments.service import attempts, notices, orders, refunds
from functions.payments.service.settlement import Evidence, settle
from shared.money import Money
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from tests.payments.build import BUYER, OPERATOR, PRICE, Crash, Till, dying_before_statement
from tests.payments.test_races import AtOnce

CROWD = 16
CHANNELS: tuple[Channel, ...] = ("alipay", "wechat", "unionpay")


@pytest.fixture
def vendors(till: Till) -> Iterator[dict[str, NullGateway]]:
    """A vendor in memory per channel."""
    made: dict[str, NullGateway] = {
        "alipay": till.gateway,
        "wechat": NullGateway("wechat"),
        "unionpay": NullGateway("unionpay"),
    }
    for gateway in made.values():
        registry.use(gateway)
    yield made
    registry.use(None)


Vendors = dict[str, NullGateway]


def pay(till: Till, vendors: Vendors, channel: str, payment_no: str) -> None:
    """The buyer pays by this channel, and the notice of it is worked off."""
    with till.time():
        vendors[channel].pay(payment_no)
        hear(till, vendors, channel, payment_no)


def hear(till: Till, vendors: Vendors, channel: Any, payment_no: str) -> None:
    with till.time():
        notices.receive(channel, vendors[channel].notice(payment_no))
        for (notice_id,) in till.sql("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL"):
            notices.process(notice_id)


def kept(vendors: Vendors) -> int:
    """What all vendors hold for us."""
    return sum(trade.kept.minor for gateway in vendors.values() for trade in gateway.trades.values())


def test_the_method_that_is_paid_settles_and_the_others_are_closed_at_their_vendors(till: Till, vendors: Vendors) -> None:
    order_no = till.open()
    numbers: dict[str, str] = {channel: till.start(order_no, channel=channel) for channel in CHANNELS}
    assert till.order(order_no).channel == "unionpay", "the one started last"
    pay(till, vendors, "wechat", numbers["wechat"])
    till.pass_time(seconds=1)
    till.run_workers()
    assert (till.order(order_no).status, till.order(order_no).channel) == ("paid", "wechat")
    assert {channel: vendors[channel].trades[numbers[channel]].state for channel in CHANNELS} == {
        "alipay": "closed",
        "wechat": "paid",
        "unionpay": "closed",
    }
    assert [till.attempt(numbers[channel]).status for channel in CHANNELS] == ["closed", "succeeded", "closed"]
    assert (len(till.facts("payments.order_paid.v1")), till.cases()) == (1, [])


def test_who_pays_a_second_method_before_it_is_closed_gets_that_back(till: Till, vendors: Vendors) -> None:
    till.sql(
        "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', '999999', now())"
    )
    order_no = till.open()
    numbers = {channel: till.start(order_no, channel=channel) for channel in ("alipay", "wechat")}
    with till.time():
        vendors["alipay"].pay(numbers["alipay"])
    pay(till, vendors, "wechat", numbers["wechat"])
    till.settle_down()
    assert (till.order(order_no).channel, kept(vendors)) == ("wechat", PRICE)
    assert till.refunds(order_no) == [("surplus", "succeeded", PRICE)]
    assert till.cases(order_no) == [("surplus", "resolved")]


@pytest.mark.parametrize("automatic", [0, 999_999])
def test_of_sixteen_attempts_paid_at_once_one_fulfils_and_no_fen_of_the_rest_is_dropped(
    till: Till, vendors: Vendors, at_once: AtOnce, automatic: int
) -> None:
    till.sql(
        "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', %s::jsonb, now())",
        (str(automatic),),
    )
    order_no = till.open()
    first = till.start(order_no, "qr")
    till.sql("UPDATE payments.payment_transactions SET status = 'closed' WHERE payment_no = %s", (first,))
    started = [("alipay", first)] + [
        (channel, till.start(order_no, scene, channel=channel)) for channel in CHANNELS for scene in get_args(Scene)
    ]
    assert len({number for _, number in started}) == CROWD
    for channel, number in started:
        vendors[channel].pay(number)

    def told(channel: Any, number: str) -> Callable[[Connection], Any]:
        trade = vendors[channel].trades[number]
        evidence = Evidence(channel, number, Paid(trade.gateway_no, Money(PRICE), till.at, "paid"))
        return lambda db: settle(db, evidence, till.at)

    results = at_once(*[told(channel, number) for channel, number in started])
    assert sorted(results) == ["settled"] + ["surplus"] * (CROWD - 1)
    assert len(till.facts("payments.order_paid.v1", order_no)) == 1
    till.settle_down()
    if automatic:
        assert kept(vendors) == PRICE
        assert till.cases(order_no) == [("surplus", "resolved")] * (CROWD - 1)
    else:
        assert till.cases(order_no) == [("surplus", "open")] * (CROWD - 1)
        for (refund_id,) in till.sql("SELECT refund_id FROM payments.payment_refunds WHERE status = 'pending'"):
            assert till.process_refund(refund_id) == "succeeded"
        assert kept(vendors) == PRICE


@pytest.mark.parametrize("paid_first", [True, False])
def test_who_pays_while_it_is_closed_is_settled_or_has_not_paid(till: Till, vendors: Vendors, paid_first: bool) -> None:
    order_no = till.open()
    number = till.start(order_no, channel="wechat")
    with till.time(), unit_of_work() as db:
        due = orders.cancel(db, BUYER, order_no)
    if paid_first:
        vendors["wechat"].pay(number)
    with till.time():
        attempts.look_after(due)
    vendors["wechat"].pay(number)
    till.settle_down()
    if paid_first:
        assert till.order(order_no).status == "paid"
        assert till.cases(order_no) == [("late", "open")]
    else:
        assert (till.order(order_no).status, kept(vendors)) == ("cancelled", 0)


def test_cancelling_and_paying_at_once_ends_in_a_paid_order_told_of_once(
    till: Till, vendors: Vendors, at_once: AtOnce
) -> None:
    order_no = till.open()
    number = till.start(order_no, channel="unionpay")
    vendors["unionpay"].pay(number)
    evidence = Evidence(
        "unionpay", number, Paid(vendors["unionpay"].trades[number].gateway_no, Money(PRICE), till.at, "paid")
    )
    at_once(
        *[lambda db: settle(db, evidence, till.at)] * 4,
        *[lambda db: orders.cancel(db, BUYER, order_no) and "cancelled"] * 4,
    )
    till.settle_down()
    assert till.order(order_no).status == "paid"
    assert len(till.facts("payments.order_paid.v1")) == 1
    assert kept(vendors) == PRICE


def test_a_refund_told_of_while_it_is_made_is_booked_once(till: Till, vendors: Vendors, at_once: AtOnce) -> None:
    order_no = till.open()
    number = till.start(order_no, channel="wechat")
    pay(till, vendors, "wechat", number)
    refund_id = till.ask_refund(order_no)
    with till.time(), unit_of_work() as db:
        refund = refunds.decide(db, refund_id, "approve", OPERATOR, None)
    with till.time():
        said = refunds.ask(refund)
    ((refund_no,),) = till.sql("SELECT refund_no FROM payments.payment_refunds")

    def hears(_db: Connection) -> Any:
        from functions.payments.store import refunds as store

        return store.hurry(_db, refund_no, till.at)

    at_once(*[lambda db: refunds.conclude(db, refund_id, said).status] * 4, *[hears] * 4)
    with till.time():
        notices.receive("wechat", vendors["wechat"].notice(number, refund_no))
    till.settle_down()
    assert len(till.facts("payments.refund_succeeded.v1")) == 1
    assert (till.order(order_no).status, kept(vendors)) == ("refunded", 0)
    assert till.cases() == []


def test_killed_before_any_statement_of_a_second_payment_it_goes_back_all_the_same(till: Till, vendors: Vendors) -> None:
    ends = []
    for moment in range(1, 30):
        till.begin_again()
        vendors["wechat"].trades.clear()
        till.sql("DELETE FROM admin.system_settings")
        till.sql(
            "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', '999999', now())"
        )
        order_no = till.open()
        numbers = {channel: till.start(order_no, channel=channel) for channel in ("alipay", "wechat")}
        pay(till, vendors, "alipay", numbers["alipay"])
        with till.time():
            vendors["wechat"].pay(numbers["wechat"])
        died = False
        try:
            with dying_before_statement(moment):
                hear(till, vendors, "wechat", numbers["wechat"])
        except Crash:
            died = True
        till.settle_down(minutes=200)
        ends.append((till.order(order_no).channel, kept(vendors), till.refunds(order_no), till.cases(order_no)))
        if not died:
            break
    assert len(ends) > 5
    assert set(map(str, ends)) == {str(("alipay", PRICE, [("surplus", "succeeded", PRICE)], [("surplus", "resolved")]))}
