"""Money that came in and is not the order's: back through its channel, or to its buyer's balance; never both, never twice.

The order is held by whoever calls; `finish_refunds` calls the channel.
"""

from dataclasses import dataclass
from datetime import datetime

from functions.payments.errors import OrderNotPaid, RefundPending
from functions.payments.models import Attempt, Order, Refund
from functions.payments.reconciliation_errors import AlreadyResolved
from functions.payments.service import refunds
from functions.payments.store import balance, cases
from functions.payments.store import refunds as store
from shared.errors import ValidationFailed
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, why, when, and the number under which the money goes back."""

    refund_no: str
    by: int
    comment: str
    at: datetime


def surplus_of(attempt: Attempt, received: int) -> int:
    """What of the money received for an attempt is not its order's, in fen. Raises ValidationFailed when nothing is."""
    beyond = received - attempt.amount if attempt.status == "succeeded" else received
    if beyond <= 0:
        raise nothing_to_give_back()
    return beyond


def nothing_to_give_back() -> ValidationFailed:
    """The refusal of a refund or credit where the channel holds nothing."""
    return ValidationFailed([{"field": "body.action", "message": "没有可退的款项|There is nothing to give back"}])


def give_back(db: Connection, order: Order, attempt: Attempt, decision: Decision, *, amount: int, received: int) -> int:
    """So much of an attempt's money goes back, once; the refund's id. One that waits for a person's word has it now.

    Raises AlreadyResolved when it became something else.
    """
    if cases.is_over(db, attempt.payment_no):
        raise AlreadyResolved
    live = store.live_surplus(db, attempt.payment_no)
    if live is None:
        return store.send_surplus(db, order, attempt, _intention(decision, amount), received=received)
    if live.status == "pending":
        return refunds.decide(db, live.refund_id, "approve", decision.by, decision.comment).refund_id
    return live.refund_id


def give_back_order(db: Connection, order: Order, decision: Decision, amount: int | None = None) -> int:
    """So much of what is left of a paid order goes back, all of it unless said otherwise; the refund's id.

    Raises OrderNotPaid, or RefundPending when a request of its buyer is open.
    """
    wanted = order.refundable if amount is None else amount
    if order.payment_no is None or not 0 < wanted <= order.refundable:
        raise OrderNotPaid(status=order.status)
    sent = store.send_order(db, order, _intention(decision, wanted))
    if sent is None:
        raise RefundPending
    return sent


def credit(db: Connection, order: Order, payment_no: str, decision: Decision, *, channel: str, amount: int) -> None:
    """So much of a payment is owed to the order's buyer from now on; a refund that waited for a person is turned down.

    Raises RefundPending when it is on its way back, AlreadyResolved when it became something else.
    """
    if cases.is_over(db, payment_no):
        raise AlreadyResolved
    stop(db, payment_no, decision.by, decision.comment)
    balance.credit(db, "case", payment_no, order, channel=channel, amount=amount, at=decision.at)


def stop(db: Connection, payment_no: str, by: int, comment: str) -> Refund | None:
    """Turn down the refund of an attempt's money that waits for a person. Raises RefundPending for one under way or made."""
    live = store.live_surplus(db, payment_no)
    if live is None:
        return None
    if live.status != "pending":
        raise RefundPending
    return refunds.decide(db, live.refund_id, "reject", by, comment)


def _intention(decision: Decision, amount: int) -> store.Intention:
    return store.Intention(decision.refund_no, amount, decision.by, decision.comment, decision.at)
