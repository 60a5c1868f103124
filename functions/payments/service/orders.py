"""Orders: placed, cancelled by the buyer, ended by time."""

from datetime import timedelta
from typing import Literal

from events.payments import OrderClosed
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

_BATCH = 200


def place(
    db: Connection, uid: int, kind: Literal["content", "membership"], target_id: int, coupon_code: str | None
) -> Order:
    """Order a single content at its present price, to be paid within `payment.order_minutes`.

    No membership is published for sale yet. Raises TargetNotFound, NotForSale, AlreadyOwned or CouponNotApplicable.
    """
    offer = orders.content_offer(db, target_id, uid) if kind == "content" else None
    if offer is None or offer.status != "published":
        raise TargetNotFound
    if offer.owned:
        raise AlreadyOwned
    at = clock.now()
    if offer.price is None or not offer.is_sold_to(uid, at):
        raise NotForSale
    if coupon_code is not None:
        raise CouponNotApplicable
    order = Order(
        order_no=new_order_no(),
        user_id=uid,
        kind=kind,
        target_id=target_id,
        seller_id=offer.author_id,
        title=offer.title,
        amount=offer.price,
        discount_amount=0,
        payable_amount=offer.price,
        currency=offer.currency,
        price_lines=[{"source": "content", "id": target_id, "amount": offer.price}],
        status="pending",
        channel=None,
        payment_no=None,
        refunded_amount=0,
        paid_at=None,
        expires_at=at + timedelta(minutes=tunable(db, "payment.order_minutes")),
        created_at=at,
    )
    orders.open_order(db, order)
    return order


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
    """End every order whose time is over; how many. Their open attempts are closed by `look_after_due`."""
    ended = 0
    while True:
        at = clock.now()
        with unit_of_work() as db:
            expired = orders.expire_due(db, at, _BATCH)
            for order in expired:
                _announce_end(db, order, "expired")
        ended += len(expired)
        if len(expired) < _BATCH:
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
