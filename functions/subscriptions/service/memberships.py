"""Memberships: given by orders that payments opened, taken back by refunds, and over by time.

An order's membership goes open → closed → granted → refunded and never back, as a subscription's period does.
"""

from datetime import datetime

from events.payments import OrderClosed, OrderPaid, RefundSucceeded
from functions.subscriptions.errors import UnknownOrderError
from functions.subscriptions.service import levels, merging
from functions.subscriptions.store import memberships as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock, observe
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

_BATCH = 100


def give(db: Connection, fact: OrderPaid) -> None:
    """Let a paid membership count from its payment, also one whose order had been closed; not one that was refunded."""
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
    if filed["status"] in {"granted", "refunded"}:
        return
    store.settle(db, filed["id"], "granted", now, fact.paid_at)
    levels.tell(db, filed["user_id"], now)
    merging.follow(db, fact.buyer_id)


def let_go(db: Connection, fact: OrderClosed) -> None:
    """The order ended unpaid."""
    filed = _filed(db, fact.buyer_id, fact.order_no)
    if filed["status"] == "open":
        store.settle(db, filed["id"], "closed", clock.now())


def take_back(db: Connection, fact: RefundSucceeded) -> None:
    """Take back the days a fully refunded order gave: what is left is what the others come to without it."""
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
    if filed["status"] == "refunded":
        return
    store.settle(db, filed["id"], "refunded", now)
    if filed["status"] == "granted":
        levels.tell(db, filed["user_id"], now)


def _filed(db: Connection, buyer_id: int, order_no: str) -> Row:
    merging.hold(db, buyer_id)
    filed = store.filed(db, order_no)
    if filed is None:
        raise UnknownOrderError(order_no)
    return filed


def turn_over() -> int:
    """Say of everyone whose level has ended what they hold now, each in a transaction of its own; of how many.

    One of whom it cannot be said is logged and left to the next run.
    """
    now, told, after_id = clock.now(), 0, 0
    while True:
        with reading() as db:
            batch = store.due(db, now, after_id, _BATCH)
        for uid in batch:
            after_id = uid
            try:
                with unit_of_work() as db:
                    told += turn_over_one(db, uid, now)
            except Exception:  # noqa: BLE001 - one bad row must not keep the others where they were
                observe.error("membership not turned over", uid=uid)
        if len(batch) < _BATCH:
            return told


def turn_over_one(db: Connection, uid: int, now: datetime) -> int:
    """Say what one person holds now, if what was said is over; 1 when it was."""
    lock_user(db, uid)
    if not store.is_due(db, uid, now):
        return 0
    levels.tell(db, uid, now)
    return 1
