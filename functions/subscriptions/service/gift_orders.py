"""What facts about orders do to gifts. A gift goes pending → closed → paid → redeemed, and refunded is the last word."""

from datetime import datetime

from events.payments import OrderClosed, OrderPaid, RefundSucceeded
from functions.subscriptions.errors import UnknownOrderError
from functions.subscriptions.service import merging
from functions.subscriptions.store import gifts as store
from functions.subscriptions.store.rows import Row
from shared.sql.connection import Connection


def paid(db: Connection, fact: OrderPaid, now: datetime) -> None:
    """Let the code of a paid gift be worth something, also when its order had been closed; not when it was refunded."""
    gift = _held(db, fact.order_no)
    if gift["status"] in {"pending", "closed"}:
        store.settle(db, gift["gift_id"], "paid", now, fact.paid_at)


def closed(db: Connection, fact: OrderClosed, now: datetime) -> None:
    """The order ended unpaid."""
    gift = _held(db, fact.order_no)
    if gift["status"] == "pending":
        store.settle(db, gift["gift_id"], "closed", now)


def refunded(db: Connection, fact: RefundSucceeded, now: datetime) -> Row | None:
    """Let the code be worth nothing any more; what the gift gave, to be taken back, if it was redeemed."""
    gift = _held(db, fact.order_no)
    if gift["status"] == "refunded":
        return None
    store.settle(db, gift["gift_id"], "refunded", now)
    if gift["recipient_id"] is None:
        return None
    merging.hold(db, gift["recipient_id"])
    return store.given(db, gift["gift_id"])


def _held(db: Connection, order_no: str) -> Row:
    gift = store.hold_order(db, order_no)
    if gift is None:
        raise UnknownOrderError(order_no)
    return gift
