"""The process dies anywhere: after the retry of whoever asked and the schedules, all is as if it had not.

Each way through the house is cut before every single statement it sends and around every call of the vendor.
"""

from collections.abc import Callable
from typing import Any

import pytest

from functions.payments.service import notices
from shared.errors import Refusal
from tests.payments.build import PRICE, Crash, Till, dying_before_statement

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


def test_no_vendor_is_called_inside_a_transaction(till: Till) -> None:
    from psycopg.pq import TransactionStatus

    from shared.sql import connection

    seen: list[TransactionStatus] = []
    maybe_die = till.gateway._maybe_die

    def watch(moment: str) -> None:
        seen.append(TransactionStatus(connection.current().pgconn.transaction_status))
        maybe_die(moment)

    till.gateway._maybe_die = watch  # type: ignore[method-assign]  # the twin is ours to listen in on
    for kind in WAYS:
        way = kind(till)
        way.arrange()
        way.walk()
    assert len(seen) > 20
    assert set(seen) == {TransactionStatus.IDLE}
