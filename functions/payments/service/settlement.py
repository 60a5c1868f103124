"""Money that came in: settled exactly once, whoever tells of it, how often, and in what order (rules.md §7).

Every payment a gateway vouches for ends in exactly one of: an order fulfilled, money on its way back, or an open case.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from events.payments import OrderPaid
from functions.payments.gateways.base import Paid
from functions.payments.models import ATTEMPT_MOVES, ORDER_MOVES, Attempt, CaseKind, Channel, Order, move
from functions.payments.store import attempts, balance, cases, orders, refunds
from shared import observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

Settled = Literal["settled", "late", "surplus", "repeated", "amount_mismatch", "order_not_found"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A gateway's word that a payment was made; `notify_id` and `payload` when it came as a notice."""

    channel: Channel
    payment_no: str
    paid: Paid
    notify_id: str | None = None
    payload: str | None = None


def settle(db: Connection, evidence: Evidence, at: datetime) -> Settled:
    """Take in what a gateway says was paid. Holds the order, so that of two tellers the second finds it done."""
    order = orders.lock(db, payment_no=evidence.payment_no)
    attempt = attempts.find(db, evidence.payment_no) if order else None
    if order is None or attempt is None or attempt.channel != evidence.channel:
        _case(db, "unknown_payment", evidence, None, at)
        return "order_not_found"
    if evidence.paid.amount != attempt.money:
        _case(db, "amount_mismatch", evidence, order, at)
        attempts.fail(db, attempt.payment_no, evidence.paid.gateway_no, at)
        observe.count("payment_risk_event")
        observe.warn("amount mismatch", order_no=order.order_no, payment_no=attempt.payment_no)
        return "amount_mismatch"
    if attempt.status == "succeeded":
        return "repeated"
    decides = order.paid_at is None
    if decides:
        move(ORDER_MOVES, order.status, "paid")
    move(ATTEMPT_MOVES, attempt.status, "succeeded")
    paid_at = evidence.paid.paid_at or at
    attempts.settle(
        db,
        order,
        attempt,
        {
            "gateway_no": evidence.paid.gateway_no,
            "notify_id": evidence.notify_id,
            "payload": evidence.payload,
            "paid_at": paid_at,
            "at": at,
        },
        decides=decides,
    )
    return _fulfil(db, order, evidence, paid_at, at) if decides else _give_back(db, order, attempt, evidence, at)


def _fulfil(db: Connection, order: Order, evidence: Evidence, paid_at: datetime, at: datetime) -> Settled:
    outbox.record(
        db,
        OrderPaid(
            event_id=new_ulid(),
            occurred_at=at,
            order_no=order.order_no,
            kind=order.kind,
            target_id=order.target_id,
            buyer_id=order.user_id,
            seller_id=order.seller_id,
            title=order.title,
            amount=order.payable_amount,
            currency=order.currency,
            channel=evidence.channel,
            payment_no=evidence.payment_no,
            gateway_no=evidence.paid.gateway_no,
            paid_at=paid_at,
            platform_discount=order.platform_discount,
        ),
    )
    observe.count("order_paid")
    if order.kind == "content" and orders.is_owned_otherwise(db, order):
        _case(db, "double_purchase", evidence, order, at)
    if order.status == "pending":
        return "settled"
    _case(db, "late", evidence, order, at)
    return "late"


def _give_back(db: Connection, order: Order, attempt: Attempt, evidence: Evidence, at: datetime) -> Settled:
    """A second payment of a paid order: to the buyer's balance where the flag `features.credit_surplus` says so, else back;
    up to `payment.auto_refund_max` at once, above it when a person approves.
    """
    if tunable(db, "features.credit_surplus")["enabled"]:
        balance.credit(db, "surplus", attempt.payment_no, order, channel=attempt.channel, amount=attempt.amount, at=at)
        _case(db, "surplus", evidence, order, at)
        cases.resolve(db, ["surplus"], attempt.payment_no, "credited", at)
        return "surplus"
    automatic = attempt.amount <= tunable(db, "payment.auto_refund_max")
    refunds.return_surplus(db, order, attempt, "processing" if automatic else "pending", at)
    _case(db, "surplus", evidence, order, at)
    return "surplus"


def _case(db: Connection, kind: CaseKind, evidence: Evidence, order: Order | None, at: datetime) -> None:
    cases.open_case(
        db,
        kind,
        evidence.payment_no,
        channel=evidence.channel,
        order_no=order.order_no if order else None,
        gateway_no=evidence.paid.gateway_no,
        amount=evidence.paid.amount,
        at=at,
    )
    observe.count("payment_case_opened")
