"""Booking sales and refunds: who gets what of a payment, and the same back, each exactly once and in any order."""

from datetime import timedelta

from events.payments import OrderPaid, RefundSucceeded
from functions.finance import models, sources
from functions.finance.models import PLATFORM, Earning, Entry, Reversal, Shares
from functions.finance.store import earnings, ledger, terms
from functions.finance.store.terms import Terms
from shared import clock, observe
from shared.money import Money
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

FREE_CHANNELS = frozenset({"usdt", "balance"})
"""Channels that take no fee."""


class CurrencyNotBookedError(Exception):
    """Orders are priced in CNY, whatever they are paid with (rules.md §24.7); another currency is somebody's mistake."""


class OverRefundedError(Exception):
    """More was given back of an order than was paid for it."""


def book_sale(db: Connection, fact: OrderPaid) -> None:
    """Divide a payment and post it; with it the refunds that were heard before it."""
    if fact.currency != "CNY":
        raise CurrencyNotBookedError(fact.order_no, fact.currency)
    earnings.lock_order(db, fact.order_no)
    fee_bp = 0 if fact.channel in FREE_CHANNELS else tunable(db, "payment.channel_fee_bp")
    agreed = _agreed(db, fact)
    discount = Money(fact.platform_discount)
    shares = Shares.of_sale(Money(fact.amount), fee_bp=fee_bp, rate_bp=agreed.rate_bp, discount=discount)
    now = clock.now()
    booked = earnings.add(
        db,
        creator_id=fact.seller_id,
        order_no=fact.order_no,
        source=fact.kind,
        target_id=fact.target_id,
        channel=fact.channel,
        shares=shares,
        rate_kind=agreed.rate_kind,
        rate_bp=agreed.rate_bp,
        status="available" if fact.seller_id == PLATFORM else "pending",
        paid_at=fact.paid_at,
        available_at=fact.paid_at + timedelta(days=agreed.hold_days),
        now=now,
    )
    if not booked:
        observe.warn("sale was booked before", order_no=fact.order_no)
        return
    ledger.post(
        db,
        Entry(
            reference=f"capture:{fact.order_no}",
            kind="capture",
            ref_type="order",
            ref_id=fact.order_no,
            at=now,
            lines=shares.credited(fact.seller_id, fact.channel),
        ),
    )
    _book_refunds(db, fact.order_no)


def hear_refund(db: Connection, fact: RefundSucceeded) -> None:
    """Take a refund back from those who shared the payment; one that comes before its sale waits for it."""
    earnings.lock_order(db, fact.order_no)
    known = not earnings.hear_refund(
        db,
        refund_id=fact.refund_id,
        order_no=fact.order_no,
        creator_id=fact.seller_id,
        amount=fact.amount,
        refunded_at=fact.refunded_at,
        now=clock.now(),
    )
    if known:
        observe.warn("refund was heard before", refund_id=fact.refund_id)
        return
    _book_refunds(db, fact.order_no)


def _agreed(db: Connection, fact: OrderPaid) -> Terms:
    rated, hold_days = sources.rated(fact.kind), tunable(db, "finance.hold_days")
    if fact.seller_id == PLATFORM:
        return Terms(sources.ANY, 0, hold_days)
    default = Terms(sources.ANY, tunable(db, "finance.creator_share_bp"), hold_days)
    day = models.shanghai_day(fact.paid_at)
    return terms.of_sale(db, fact.seller_id, rated, fact.target_id, day=day, default=default)


def _book_refunds(db: Connection, order_no: str) -> None:
    for reversal in earnings.unbooked_refunds(db, order_no):
        earning = earnings.lock_earning(db, order_no)
        if earning is None:
            observe.warn("refund waits for its sale", refund_id=reversal.refund_id)
            return
        _book_refund(db, earning, reversal)


def _book_refund(db: Connection, earning: Earning, reversal: Reversal) -> None:
    refunded = earning.reversed.charged + reversal.amount
    if refunded > earning.shares.charged:
        raise OverRefundedError(earning.order_no, reversal.refund_id)
    part = earning.shares.of_refund(refunded).minus(earning.reversed)
    now = clock.now()
    earnings.book_reversal(db, earning, reversal.refund_id, part, now)
    ledger.post(
        db,
        Entry(
            reference=f"refund:{reversal.refund_id}",
            kind="refund",
            ref_type="order",
            ref_id=earning.order_no,
            at=now,
            lines=part.taken_back(earning.creator_id, earning.channel),
        ),
    )
