"""The process dies anywhere: after the retry of whoever asked and the schedules, all is as if it had not.

Each way through the house is cut before every single statement it sends and around every call of the vendor.
"""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg.pq import TransactionStatus

from functions.payments.service import notices
from shared.errors import Refusal
from shared.sql import connection
from tests.fixtures.api import Api
from tests.payments.build import BUYER, PRICE, Crash, Till, dying_before_statement

MORE_THAN_ANY_WAY_SENDS = 200


def survive(verb: Callable[[], Any]) -> bool:
    """Run it; whether it died. What it refuses the second time, it did the first."""
    try:
        verb()
    except Crash:
        return True
    except Refusal:
        return False
    return False


class Way:
    """One way through the house: arrange it, walk it; whoever asked tries again after a crash."""

    def __init__(self, till: Till) -> None:
        self.till = till

    def arrange(self) -> str:
        raise NotImplementedError

    def walk(self) -> None:
        raise NotImplementedError


class Pay(Way):
    """Start, pay, hear of it."""

    def arrange(self) -> str:
        self.order_no = self.till.open()
        self.payment_no = ""
        return self.order_no

    def walk(self) -> None:
        if not self.payment_no:
            self.payment_no = self.till.start(self.order_no)
            self.notice = self.till.buyer_pays(self.payment_no)
        with self.till.time():
            notices.receive("alipay", self.notice)
        for (notice_id,) in self.till.sql("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL"):
            with self.till.time():
                notices.process(notice_id)


class Refund(Way):
    """Ask, approve."""

    def arrange(self) -> str:
        self.order_no, _ = self.till.paid()
        self.refund_id = 0
        return self.order_no

    def walk(self) -> None:
        found = self.till.sql("SELECT refund_id FROM payments.payment_refunds WHERE order_no = %s", (self.order_no,))
        self.refund_id = found[0][0] if found else self.till.ask_refund(self.order_no, 700)
        self.till.process_refund(self.refund_id)


class Cancel(Way):
    """Cancel an order with two attempts; both are closed at the vendor."""

    def arrange(self) -> str:
        self.order_no = self.till.open()
        self.till.start(self.order_no, "qr")
        self.till.start(self.order_no, "pc")
        return self.order_no

    def walk(self) -> None:
        self.till.cancel(self.order_no)


class CancelPaid(Cancel):
    """Cancel an order that was paid a moment ago."""

    def arrange(self) -> str:
        order_no = super().arrange()
        ((payment_no,), *_) = self.till.sql(
            "SELECT payment_no FROM payments.payment_transactions WHERE order_no = %s", (order_no,)
        )
        self.till.buyer_pays(payment_no)
        return order_no


class Expire(Way):
    """Time ends the order, the schedules close its attempt."""

    def arrange(self) -> str:
        self.order_no, _ = self.till.started()
        self.till.pass_time(minutes=31)
        return self.order_no

    def walk(self) -> None:
        self.till.run_workers()


class Silent(Way):
    """No notice ever comes; the schedules ask."""

    def arrange(self) -> str:
        self.order_no, payment_no = self.till.started()
        self.till.buyer_pays(payment_no)
        self.till.pass_time(minutes=1)
        return self.order_no

    def walk(self) -> None:
        self.till.run_workers()


class Surplus(Way):
    """The second attempt of an order is paid too, and given back by itself."""

    def arrange(self) -> str:
        self.till.sql(
            """
            INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', '999999', now())
            ON CONFLICT DO NOTHING
            """
        )
        self.order_no = self.till.open()
        first, second = self.till.start(self.order_no, "qr"), self.till.start(self.order_no, "pc")
        self.late = self.till.buyer_pays(second)
        self.till.hear(self.till.buyer_pays(first))
        return self.order_no

    def walk(self) -> None:
        self.till.hear(self.late)
        self.till.run_workers()


WAYS = [Pay, Refund, Cancel, CancelPaid, Expire, Silent, Surplus]


def undisturbed(way: Way) -> dict[str, Any]:
    order_no = way.arrange()
    way.walk()
    way.till.settle_down()
    return way.till.summary(order_no)


@pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
def test_dying_before_any_statement_changes_nothing_in_the_end(till: Till, kind: type[Way]) -> None:
    expected = undisturbed(kind(till))
    died = 0
    for number in range(1, MORE_THAN_ANY_WAY_SENDS):
        way = kind(till)
        order_no = way.arrange()
        with dying_before_statement(number):
            dead = survive(way.walk)
        if not dead:
            break
        died += 1
        survive(way.walk)
        till.settle_down()
        assert till.summary(order_no) == expected, f"died before statement {number}"
    else:
        pytest.fail("this way never ends")
    assert died >= 5


@pytest.mark.parametrize(
    ("kind", "verb"),
    [
        (Pay, "create"),
        (Pay, "verify"),
        (Refund, "refund"),
        (Cancel, "close"),
        (CancelPaid, "close"),
        (CancelPaid, "query"),
        (Expire, "close"),
        (Silent, "query"),
        (Surplus, "refund"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
@pytest.mark.parametrize("side", ["before", "after"])
def test_dying_around_a_call_of_the_vendor_changes_nothing_in_the_end(
    till: Till, kind: type[Way], verb: str, side: str
) -> None:
    expected = undisturbed(kind(till))
    way = kind(till)
    order_no = way.arrange()
    till.gateway.dies = f"{side} {verb}"
    assert survive(way.walk)
    survive(way.walk)
    till.settle_down()
    assert till.summary(order_no) == expected


def test_dying_between_asking_about_a_refund_and_writing_it_changes_nothing_in_the_end(till: Till) -> None:
    order_no, _ = till.paid()
    refund_id = till.ask_refund(order_no)
    till.gateway.dies = "after refund"
    with pytest.raises(Crash):
        till.process_refund(refund_id)
    assert till.refunds(order_no) == [("request", "processing", PRICE)]
    till.settle_down(1)
    assert till.refunds(order_no) == [("request", "processing", PRICE)], "repeated: the vendor sends us to ask"
    till.gateway.dies = "after refund_query"
    till.pass_time(minutes=2)
    with pytest.raises(Crash):
        till.run_workers()
    till.settle_down(3)
    assert till.refunds(order_no) == [("request", "succeeded", PRICE)]
    (trade,) = till.gateway.trades.values()
    assert len(trade.repaid) == 1


@pytest.fixture
def seen(till: Till) -> list[TransactionStatus]:
    """What the database connection was doing at each call of the vendor."""
    found: list[TransactionStatus] = []
    maybe_die = till.gateway._maybe_die

    def watch(moment: str) -> None:
        found.append(TransactionStatus(connection.current().pgconn.transaction_status))
        maybe_die(moment)

    till.gateway._maybe_die = watch  # type: ignore[method-assign]  # the twin is ours to listen in on
    return found


def test_no_worker_calls_the_vendor_inside_a_transaction(till: Till, seen: list[TransactionStatus]) -> None:
    for kind in WAYS:
        way = kind(till)
        way.arrange()
        way.walk()
    assert len(seen) > 20
    assert set(seen) == {TransactionStatus.IDLE}


def test_no_route_calls_the_vendor_inside_a_transaction(
    till: Till, counter: Api, sign_in: Callable[..., str], seen: list[TransactionStatus]
) -> None:
    buyer, staff = sign_in(BUYER), sign_in(9, permissions=("payment:write",))
    order_no, other_no = till.open(), till.open()
    for number in (order_no, other_no):
        counter.post("/payments/alipay/create", {"order_no": number, "scene": "qr"}, token=buyer)
    assert counter.post(f"/payments/orders/{other_no}/cancel", token=buyer).data["status"] == "cancelled"
    ((payment_no,),) = till.sql("SELECT payment_no FROM payments.payment_transactions WHERE order_no = %s", (order_no,))
    assert counter.post("/payments/alipay/callback", form=till.buyer_pays(payment_no).body.decode()).text == "success"
    assert counter.post(f"/payments/verify/{order_no}", token=buyer).data["changed"]
    refund = counter.post(f"/payments/refund/{order_no}", {"reason": "r"}, token=buyer).data
    done = counter.post(f"/admin/payments/refunds/{refund['refund_id']}/process", {"action": "approve"}, token=staff)
    assert done.data["status"] == "succeeded"
    assert len(seen) >= 10
    assert set(seen) == {TransactionStatus.IDLE}


@pytest.mark.parametrize("moment", ["before create", "after create"])
def test_a_payment_whose_start_died_is_started_again_with_the_same_key(
    till: Till, counter: Api, sign_in: Callable[..., str], moment: str
) -> None:
    token, body, key = sign_in(BUYER), {"order_no": till.open(), "scene": "qr"}, {"Idempotency-Key": "k"}
    till.gateway.dies = moment
    assert counter.post("/payments/alipay/create", body, token=token, headers=key).status == 500
    first = till.sql("SELECT payment_no FROM payments.payment_transactions")
    assert len(first) == 1, "the intention was written before the vendor was called"
    payment = counter.post("/payments/alipay/create", body, token=token, headers=key).data
    assert [(payment["payment_no"],)] == first == till.sql("SELECT payment_no FROM payments.payment_transactions")


@pytest.mark.parametrize("moment", ["before refund", "after refund"])
def test_an_approval_that_died_is_answered_when_repeated_and_finished_by_the_schedule(
    till: Till, counter: Api, sign_in: Callable[..., str], moment: str
) -> None:
    order_no, _ = till.paid()
    path, key = f"/admin/payments/refunds/{till.ask_refund(order_no)}/process", {"Idempotency-Key": "k"}
    staff = sign_in(9, permissions=("payment:write",))
    till.gateway.dies = moment
    assert counter.post(path, {"action": "approve"}, token=staff, headers=key).status == 500
    assert counter.post(path, {"action": "approve"}, token=staff, headers=key).data["status"] == "processing"
    assert counter.post(path, {"action": "approve"}, token=staff).error == (409, "refund_not_pending")
    till.settle_down()
    assert till.refunds(order_no) == [("request", "succeeded", PRICE)]
    assert len(till.facts("payments.refund_succeeded.v1")) == 1
    assert till.sql("SELECT result, error_message FROM admin.admin_operation_logs ORDER BY id") == [
        ("success", None),
        ("failed", "refund_not_pending"),
    ]
