"""Discounts that orders hold: reserved when the order is opened, used when it is paid, free again when it ends otherwise."""

from datetime import datetime, timedelta

from functions.subscriptions.store import redemptions as store
from shared import clock, observe
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.views import prices

_GRACE = timedelta(minutes=15)
"""Orders are closed every minute; who has not heard of it by then asks."""
_BATCH = 200


def settle(db: Connection, order_no: str, event: store.Event) -> None:
    """Say what became of an order that may hold discounts; facts may come twice and in any order."""
    store.settle(db, order_no, event, clock.now())


def take_trial(db: Connection, subscription_id: int, user_id: int, promotion_id: int, at: datetime) -> None:
    """Count a trial that a promotion gave; there is no order, so the subscription stands for it."""
    order_no = f"trial:{subscription_id}"
    line = {"source": "promotion", "id": promotion_id, "amount": 0}
    prices.take(db, order_no, user_id, [line], None, expires_at=at, at=at)
    store.settle(db, order_no, "paid", at)


def release_overdue() -> int:
    """Settle what is still reserved after its order is over, in case its fact was lost; how many orders.

    An order that nobody has heard of never was: its transaction failed.
    """
    now = clock.now()
    with reading() as db:
        overdue = store.overdue(db, now - _GRACE, _BATCH)
    for one in overdue:
        unpaid = one["status"] in {None, "cancelled", "expired"}
        event: store.Event = "closed" if unpaid else "refunded" if one["status"] == "refunded" else "paid"
        with unit_of_work() as db:
            settle(db, one["order_no"], event)
        observe.warn("discounts settled late", order_no=one["order_no"], order_status=one["status"])
    return len(overdue)
