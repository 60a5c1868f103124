"""Orders: placed, cancelled by the buyer, ended by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from events.payments import OrderClosed, OrderPaid
from functions.payments.errors import (
    AlreadyOwned,
    CouponNotApplicable,
    NotForSale,
    OrderNotFound,
    OrderNotPending,
    TargetNotFound,
)
from functions.payments.models import ORDER_MOVES, Order, move
from functions.payments.store import attempts, orders
from shared import clock
from shared.ids import new_order_no, new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable
from shared.views import prices

_BATCH = 200


@dataclass(frozen=True, slots=True)
class _Thing:
    """What an order is to be for. The platform is seller 0."""

    kind: Literal["content", "membership"]
    target_id: int
    seller_id: int
    title: str


def place(
    db: Connection, uid: int, kind: Literal["content", "membership"], target_id: int, coupon_code: str | None
) -> Order:
    """Order a single content or a membership at its present price, to be paid within `payment.order_minutes`.

    Raises TargetNotFound, NotForSale, AlreadyOwned (a content only: a membership is extended) or CouponNotApplicable.
    """
    at = clock.now()
    thing = _content(db, uid, target_id, at) if kind == "content" else _membership(db, target_id)
    price = prices.hold(db, prices.Wish(kind, target_id, uid, coupon_code), at)
    if price is None:
        raise NotForSale
    if price.refused is not None:
        raise CouponNotApplicable(reason=price.refused)
    order = _open(db, uid, thing, price, at)
    if order.status == "paid":
        announce_covered(db, 1, order.order_no)
    return order


def _content(db: Connection, uid: int, content_id: int, at: datetime) -> _Thing:
    offer = orders.content_offer(db, content_id, uid)
    if offer is None or offer.status != "published":
        raise TargetNotFound
    if offer.owned:
        raise AlreadyOwned
    if offer.price is None or not offer.is_sold_to(uid, at):
        raise NotForSale
    return _Thing("content", content_id, offer.author_id, offer.title)


def _membership(db: Connection, plan_id: int) -> _Thing:
    held = orders.hold_membership(db, plan_id)
    if held is None:
        raise TargetNotFound
    name, is_active = held
    if not is_active:
        raise NotForSale
    return _Thing("membership", plan_id, 0, name)


def _open(db: Connection, uid: int, thing: _Thing, price: prices.Price, at: datetime) -> Order:
    """The order with what it holds of discounts; paid at once when they cover it all."""
    covered = price.payable == 0
    order = Order(
        order_no=new_order_no(),
        user_id=uid,
        kind=thing.kind,
        target_id=thing.target_id,
        seller_id=thing.seller_id,
        title=thing.title,
        amount=price.gross,
        discount_amount=price.discount,
        payable_amount=price.payable,
        currency="CNY",
        price_lines=price.order_lines(thing.kind),
        status="paid" if covered else "pending",
        channel=None,
        payment_no=None,
        refunded_amount=0,
        paid_at=at if covered else None,
        expires_at=at + timedelta(minutes=tunable(db, "payment.order_minutes")),
        created_at=at,
    )
    orders.open_order(db, order)
    if thing.kind == "membership":
        orders.open_membership(db, order)
    prices.reserve(db, order.order_no, uid, price, expires_at=order.expires_at, at=at)
    return order


def announce_covered(db: Connection, limit: int, order_no: str | None = None) -> int:
    """Tell of orders whose discounts left nothing to pay: paid without a payment, under their own number; how many."""
    covered = orders.mark_covered(db, clock.now(), limit, order_no)
    for order in covered:
        paid_at = order.paid_at or clock.now()
        outbox.record(
            db,
            OrderPaid(
                event_id=new_ulid(),
                occurred_at=clock.now(),
                order_no=order.order_no,
                kind=order.kind,
                target_id=order.target_id,
                buyer_id=order.user_id,
                seller_id=order.seller_id,
                title=order.title,
                amount=0,
                currency=order.currency,
                channel="balance",
                payment_no=order.order_no,
                gateway_no="",
                paid_at=paid_at,
                platform_discount=order.platform_discount,
            ),
        )
    return len(covered)


def cancel(db: Connection, uid: int, order_no: str) -> list[attempts.Due]:
    """End an own order that is waiting for payment; its open attempts, to be closed at their gateways, come back.

    A payment made meanwhile is settled as a late one. Raises OrderNotFound or OrderNotPending.
    """
    at = clock.now()
    order = orders.lock(db, order_no=order_no)
    if order is None or order.user_id != uid:
        raise OrderNotFound
    if order.status != "pending":
        raise OrderNotPending(status=order.status)
    orders.close(db, order_no, move(ORDER_MOVES, order.status, "cancelled"), at)
    _announce_end(db, orders.Ended(order_no, order.kind, order.target_id, order.user_id), "cancelled")
    return attempts.due_of_order(db, order_no, at)


def expire_due() -> int:
    """End every order whose time is over; how many. Their open attempts are closed by `look_after_due`.

    Orders that others opened with nothing to pay are told of.
    """
    ended = 0
    while True:
        at = clock.now()
        with unit_of_work() as db:
            expired = orders.expire_due(db, at, _BATCH)
            for order in expired:
                _announce_end(db, order, "expired")
            told = announce_covered(db, _BATCH)
        ended += len(expired)
        if len(expired) < _BATCH and told < _BATCH:
            return ended


def _announce_end(db: Connection, order: orders.Ended, reason: Literal["expired", "cancelled"]) -> None:
    at = clock.now()
    outbox.record(
        db,
        OrderClosed(
            event_id=new_ulid(),
            occurred_at=at,
            order_no=order.order_no,
            kind=order.kind,
            target_id=order.target_id,
            buyer_id=order.user_id,
            reason=reason,
            closed_at=at,
        ),
    )
