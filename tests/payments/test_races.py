"""Eight at once, each on its own connection: exactly one has the effect."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.payments.errors import OrderNotPending, RefundNotPending, RefundPending
from functions.payments.gateways.base import Paid
from functions.payments.service import attempts, orders, refunds
from functions.payments.service.settlement import Evidence, settle
from shared.money import Money
from shared.sql.connection import Connection
from tests.payments.build import BUYER, OPERATOR, PRICE, Till

CROWD = 8
AtOnce = Callable[..., list[Any]]


def evidence(till: Till, payment_no: str, notify_id: str | None = None) -> Evidence:
    trade = till.gateway.trades[payment_no]
    return Evidence("alipay", payment_no, Paid(trade.gateway_no, Money(PRICE), till.at, "paid"), notify_id)


def test_eight_notices_of_one_payment_settle_it_once(till: Till, at_once: AtOnce) -> None:
    order_no, payment_no = till.started()
    told = [evidence(till, payment_no, f"n{n}") for n in range(CROWD)]
    results = at_once(*[lambda db, e=e: settle(db, e, till.at) for e in told])
    assert sorted(results) == ["repeated"] * (CROWD - 1) + ["settled"]
    assert len(till.facts("payments.order_paid.v1")) == 1
    assert till.order(order_no).status == "paid"


def test_of_eight_payments_of_one_order_one_settles_it_and_seven_go_back(till: Till, at_once: AtOnce) -> None:
    order_no, first = till.started()
    for n in range(CROWD - 1):
        till.sql(
            """
            INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, scene, amount, currency, status,
                expires_at, created_at, updated_at)
            SELECT payment_no || %(n)s, order_no, channel, kind, scene || %(n)s, amount, currency, status, expires_at,
                created_at, updated_at FROM payments.payment_transactions WHERE payment_no = %(first)s
            """,
            {"n": str(n), "first": first},
        )
    numbers = [number for (number,) in till.sql("SELECT payment_no FROM payments.payment_transactions")]
    paid = [Paid(f"G{number}", Money(PRICE), till.at, "paid") for number in numbers]
    told = [Evidence("alipay", number, one) for number, one in zip(numbers, paid, strict=True)]
    results = at_once(*[lambda db, e=e: settle(db, e, till.at) for e in told])
    assert sorted(results) == ["settled"] + ["surplus"] * (CROWD - 1)
    assert len(till.facts("payments.order_paid.v1")) == 1
    assert till.refunds(order_no) == [("surplus", "pending", PRICE)] * (CROWD - 1)


def test_eight_requests_for_a_refund_open_one(till: Till, at_once: AtOnce) -> None:
    order_no, _ = till.paid()
    results = at_once(*[lambda db: refunds.request(db, BUYER, order_no, 100, "r").status] * CROWD)
    assert results.count("pending") == 1
    assert results.count(RefundPending) == CROWD - 1
    assert till.refunds(order_no) == [("request", "pending", 100)]


def test_eight_approvals_call_the_vendor_once(till: Till, at_once: AtOnce) -> None:
    order_no, _ = till.paid()
    refund_id = till.ask_refund(order_no)

    def approve(db: Connection) -> Any:
        return refunds.decide(db, refund_id, "approve", OPERATOR, None)

    results = at_once(*[approve] * CROWD)
    (approved,) = [result for result in results if result is not RefundNotPending]
    said = refunds.ask(approved)
    ended = at_once(*[lambda db: refunds.conclude(db, refund_id, said).status] * CROWD)
    assert ended == ["succeeded"] * CROWD
    assert till.gateway.calls.count("refund") == 1
    assert till.order(order_no).refunded_amount == PRICE
    assert len(till.facts("payments.refund_succeeded.v1")) == 1


def test_approved_and_rejected_at_once_it_is_one_of_them(till: Till, at_once: AtOnce) -> None:
    order_no, _ = till.paid()
    refund_id = till.ask_refund(order_no)
    verbs = [lambda db, a=a: refunds.decide(db, refund_id, a, OPERATOR, None).status for a in ("approve", "reject") * 4]
    results = at_once(*verbs)
    assert len([result for result in results if result is not RefundNotPending]) == 1


def test_eight_starts_share_one_attempt(till: Till, at_once: AtOnce) -> None:
    order_no = till.open()
    results = at_once(*[lambda db: attempts.start(db, BUYER, order_no, "alipay", "qr")[1].payment_no] * CROWD)
    assert len(set(results)) == 1
    assert till.sql("SELECT count(*) FROM payments.payment_transactions") == [(1,)]


def test_eight_cancellings_end_the_order_once(till: Till, at_once: AtOnce) -> None:
    order_no, _ = till.started()
    results = at_once(*[lambda db: orders.cancel(db, BUYER, order_no)] * CROWD)
    assert results.count(OrderNotPending) == CROWD - 1
    assert len(till.facts("payments.order_closed.v1")) == 1


@pytest.mark.parametrize("round_", range(4))
def test_paid_while_being_cancelled_the_money_is_never_lost(till: Till, at_once: AtOnce, round_: int) -> None:
    order_no, payment_no = till.started()
    pay = lambda db: settle(db, evidence(till, payment_no), till.at)  # noqa: E731 - one of two verbs in a list
    cancel = lambda db: orders.cancel(db, BUYER, order_no)  # noqa: E731 - the other
    at_once(*[pay, cancel] * (CROWD // 2))
    assert till.order(order_no).status == "paid"
    assert len(till.facts("payments.order_paid.v1")) == 1
    closed = len(till.facts("payments.order_closed.v1"))
    assert till.cases() == ([("late", "open")] if closed else [])


def test_paid_while_expiring_the_money_is_never_lost(till: Till, at_once: AtOnce) -> None:
    order_no, payment_no = till.started()
    till.pass_time(minutes=30)
    from functions.payments.store import orders as order_store

    pay = lambda db: settle(db, evidence(till, payment_no), till.at)  # noqa: E731 - one of two verbs in a list
    expire = lambda db: len(order_store.expire_due(db, till.at, 10))  # noqa: E731 - the other
    results = at_once(*[pay, expire] * (CROWD // 2))
    assert till.order(order_no).status == "paid"
    assert till.cases() == ([("late", "open")] if 1 in results[1::2] else [])
