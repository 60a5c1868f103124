"""Subscriptions whose time is over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.subscriptions.service import standing as stands
from functions.subscriptions.states import Event, after
from functions.subscriptions.store import life
from functions.subscriptions.store import standing as store
from functions.subscriptions.store.rows import lock_user
from shared import clock, observe
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

_BATCH = 100


def is_over(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether a live subscription's time has passed though nothing has ended it yet.

    Its access, which outlasts its period while a renewal is being collected; or, while it is pending, the life of its order.
    """
    if row["status"] == "pending":
        return row["expires_at"] is None or bool(row["expires_at"] <= now)
    return row["status"] not in {"past_due", "paused"} and bool(row["access_until"] <= now)


def let_go(db: Connection, subscription_id: int, status: str, now: datetime) -> None:
    """End a live subscription that is over, or pause it when its user wished so."""
    paused = after(status, Event.PAUSED)
    if paused is not None and life.pauses(db, subscription_id):
        stands.end(db, subscription_id, was=status, becomes=paused, because="paused", now=now)
        return
    becomes = after(status, Event.ORDER_CLOSED if status == "pending" else Event.PERIOD_ENDED)
    if becomes is not None:
        stands.end(db, subscription_id, was=status, becomes=becomes, because="expired", now=now)


def expire_due() -> int:
    """End every subscription whose period is over, each in a transaction of its own; how many were ended.

    One that cannot be ended is logged and left to the next run.
    """
    now, ended, after_id = clock.now(), 0, 0
    while True:
        with reading() as db:
            batch = store.due(db, now, after_id, _BATCH)
        for one in batch:
            after_id = one["subscription_id"]
            try:
                ended += _expire(one["user_id"], after_id, now)
            except Exception:  # noqa: BLE001 - one bad row must not keep the others running
                observe.error("subscription not expired", subscription_id=after_id)
        if len(batch) < _BATCH:
            return ended


def _expire(user_id: int, subscription_id: int, now: datetime) -> int:
    with unit_of_work() as db:
        return end_if_over(db, user_id, subscription_id, now)


def end_if_over(db: Connection, user_id: int, subscription_id: int, now: datetime) -> int:
    """End, or pause, one subscription if its period is still over once its user is held; 1 when it was."""
    lock_user(db, user_id)
    row = store.hold(db, subscription_id)
    if row is None or row["status"] not in {"trialing", "active"} or not is_over(row, now):
        return 0
    let_go(db, subscription_id, row["status"], now)
    return 1
