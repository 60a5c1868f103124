"""The price now, and why a coupon changes nothing of it."""

from datetime import datetime, timedelta

from functions.subscriptions.errors import CouponNotApplicable
from functions.subscriptions.pricing_errors import (
    CouponExhausted,
    CouponExpired,
    CouponLimitReached,
    CouponNotFound,
    TargetNotFound,
)
from functions.subscriptions.pricing_schemas import QuoteLineOut, QuoteOut
from shared import clock
from shared.errors import Refusal
from shared.sql.connection import Connection
from shared.views.prices import Price, Wish, quote

HOLDS = timedelta(minutes=15)
"""A quote is an answer to a question, not a reservation; it says until when asking again is pointless."""
_REFUSALS: dict[str, type[Refusal]] = {
    refusal.error: refusal
    for refusal in (CouponNotFound, CouponNotApplicable, CouponExpired, CouponExhausted, CouponLimitReached)
}


def refusal(reason: str) -> Refusal:
    """Why a coupon cannot be used, to be raised."""
    return _REFUSALS[reason]()


def priced(db: Connection, wish: Wish) -> QuoteOut:
    """The price with every line. Raises TargetNotFound, or CouponNotApplicable with the reason."""
    at = clock.now()
    price = quote(db, wish, at)
    if price is None:
        raise TargetNotFound
    if price.refused is not None:
        raise CouponNotApplicable(reason=price.refused)
    return QuoteOut.model_construct(
        list_amount=price.list_amount,
        lines=[QuoteLineOut.model_construct(source=line.source, id=line.id, amount=line.amount) for line in price.lines],
        payable_amount=price.payable,
        currency="CNY",
        valid_until=valid_until(price, at),
    )


def valid_until(price: Price, at: datetime) -> datetime:
    """When something that this price depends on begins or ends, a quarter of an hour at most."""
    turns = [turn for rule in price.terms.rules for turn in (rule.starts_at, rule.ends_at)]
    turns += [promotion.ends_at for promotion in price.terms.promotions]
    turns += [price.terms.coupon.ends_at] if price.terms.coupon is not None else []
    return min([at + HOLDS, *(turn for turn in turns if turn is not None and turn > at)])
