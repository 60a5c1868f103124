"""Giving money back: asked for by the buyer, decided by an operator, finished with the gateway under one number."""

from datetime import datetime, timedelta
from typing import Literal

from events.payments import RefundSucceeded
from functions.payments.errors import (
    OrderNotFound,
    OrderNotPaid,
    RefundExceedsPaid,
    RefundNotFound,
    RefundNotPending,
    RefundPending,
    RefundWindowClosed,
)
from functions.payments.gateways.base import Declined, NoAnswer, NotRepaid, Repaid, Repayment
from functions.payments.gateways.registry import gateway
from functions.payments.models import (
    BALANCE,
    ORDER_MOVES,
    REFUND_MOVES,
    RETRY_AFTER,
    TRIES_BEFORE_CASE,
    Order,
    OrderStatus,
    Refund,
    move,
    wait_after,
)
from functions.payments.store import balance, cases, orders, refunds
from shared import clock, observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable

_BATCH = 50
_SILENCES = 3


def request(db: Connection, uid: int, order_no: str, amount: int | None, reason: str) -> Refund:
    """Ask for `amount` fen of an own paid order back, or for all that is left.

    Raises OrderNotFound, OrderNotPaid, RefundPending, RefundWindowClosed or RefundExceedsPaid.
    """
    at = clock.now()
    order = orders.lock(db, order_no=order_no)
    if order is None or not orders.is_of(db, order, uid):
        raise OrderNotFound
    if order.paid_at is None:
        raise OrderNotPaid(status=order.status)
    if order.status == "refunding":
        raise RefundPending
    if at > order.paid_at + timedelta(days=tunable(db, "payment.refund_days")):
        raise RefundWindowClosed
    wanted = order.refundable if amount is None else amount
    if not 0 < wanted <= order.refundable:
        raise RefundExceedsPaid(refundable=order.refundable)
    move(ORDER_MOVES, order.status, "refunding")
    asked = refunds.request(db, order, wanted, reason, at)
    if asked is None:
        raise RefundPending
    return asked


def decide(db: Connection, refund_id: int, action: Literal["approve", "reject"], by: int, comment: str | None) -> Refund:
    """An operator's word on a request. Approved, it is under way: `finish` calls the gateway, or the next run does.

    Raises RefundNotFound or RefundNotPending.
    """
    at = clock.now()
    order = orders.lock(db, refund_id=refund_id)
    refund = refunds.find(db, refund_id)
    if order is None or refund is None:
        raise RefundNotFound
    if refund.status != "pending":
        raise RefundNotPending(status=refund.status)
    if action == "approve":
        move(REFUND_MOVES, refund.status, "processing")
        refunds.approve(db, refund, by=by, comment=comment, next_try_at=at + RETRY_AFTER, at=at)
    else:
        move(REFUND_MOVES, refund.status, "rejected")
        refunds.reject(db, refund_id, by, comment, at)
        _release_order(db, order, refund, at)
    return refunds.find(db, refund_id) or refund


def finish_due() -> int:
    """Go on with every refund under way whose time has come; how many ended."""
    ended = silences = 0
    with reading() as db:
        due = refunds.due(db, clock.now(), _BATCH)
    for refund in due:
        said = ask(refund)
        with unit_of_work() as db:
            after = conclude(db, refund.refund_id, said)
        ended += after.status != "processing"
        silences = silences + 1 if isinstance(said, NoAnswer) else 0
        if silences == _SILENCES:
            observe.warn("gateway is silent", channel=refund.channel)
            break
    return ended


def ask(refund: Refund) -> Repaid | Declined | NoAnswer:
    """Have the gateway give the money back, under the refund's own number however often it is asked.

    After a first try it is asked what became of that before anything is sent again. A balance is nobody's to ask: the
    money is booked where the refund is concluded.
    """
    if refund.channel == BALANCE:
        return Repaid(clock.now())
    vendor = gateway(refund.channel)
    repayment = Repayment(refund.payment_no, refund.refund_no, refund.money, refund.reason, refund.total, refund.gateway_no)
    if refund.tries > 0:
        said = vendor.refund_query(repayment)
        if not isinstance(said, NotRepaid):
            return said
    return vendor.refund(repayment)


def conclude(db: Connection, refund_id: int, said: Repaid | Declined | NoAnswer) -> Refund:
    """Write what a gateway said of a refund under way. Raises RefundNotFound."""
    at = clock.now()
    order = orders.lock(db, refund_id=refund_id)
    refund = refunds.find(db, refund_id)
    if order is None or refund is None:
        raise RefundNotFound
    if refund.status != "processing":
        return refund
    if isinstance(said, NoAnswer):
        refunds.try_again(db, refund_id, at + wait_after(refund.tries + 1), at)
        if refund.tries + 1 == TRIES_BEFORE_CASE:
            _case(db, order, refund, at)
    elif isinstance(said, Repaid):
        refunds.finish(db, refund, move(REFUND_MOVES, refund.status, "succeeded"), said.gateway_no, at)
        _repaid(db, order, refund, said.refunded_at or at, at)
    else:
        observe.warn("refund declined", refund_id=refund_id, code=said.code)
        refunds.finish(db, refund, move(REFUND_MOVES, refund.status, "failed"), None, at)
        _release_order(db, order, refund, at)
    return refunds.find(db, refund_id) or refund


def _repaid(db: Connection, order: Order, refund: Refund, refunded_at: datetime, at: datetime) -> None:
    """Money went back. That of a surplus never was the order's, so the order does not change and nobody is told."""
    cases.resolve(db, ["refund_stuck"], refund.refund_no, "refunded", at)
    if refund.origin == "surplus":
        cases.resolve(db, ["surplus", "amount_mismatch"], refund.payment_no, "refunded", at)
        return
    if refund.channel == BALANCE:
        balance.credit(db, "refund", str(refund.refund_id), order, channel=BALANCE, amount=refund.amount, at=at)
    total = order.refunded_amount + refund.amount
    full = total == order.payable_amount
    reached: OrderStatus = "refunded" if full else "partially_refunded"
    state = move(ORDER_MOVES, order.status, reached)
    orders.set_refund_state(db, order.order_no, state, total, at)
    if full:
        cases.resolve(db, ["late", "double_purchase"], refund.payment_no, "refunded", at)
    outbox.record(
        db,
        RefundSucceeded(
            event_id=new_ulid(),
            occurred_at=at,
            refund_id=refund.refund_id,
            order_no=order.order_no,
            kind=order.kind,
            target_id=order.target_id,
            buyer_id=order.user_id,
            seller_id=order.seller_id,
            amount=refund.amount,
            refunded_total=total,
            order_amount=order.payable_amount,
            full=full,
            currency=order.currency,
            channel=refund.channel,
            refunded_at=refunded_at,
        ),
    )


def _release_order(db: Connection, order: Order, refund: Refund, at: datetime) -> None:
    """The order is again what it was before the request."""
    if refund.origin == "request":
        state = move(ORDER_MOVES, order.status, order.without_open_refund())
        orders.set_refund_state(db, order.order_no, state, order.refunded_amount, at)


def _case(db: Connection, order: Order, refund: Refund, at: datetime) -> None:
    cases.open_case(
        db,
        "refund_stuck",
        refund.refund_no,
        channel=refund.channel,
        order_no=order.order_no,
        gateway_no=None,
        amount=refund.money,
        at=at,
    )
    observe.count("payment_case_opened")
