"""Pauses: asked for while a period runs, begun when it ends, over when a new period is paid."""

from datetime import datetime

from functions.subscriptions.errors import NotActive, NotPaused, PlanArchived, ResumeAtInvalid, SubscriptionNotFound
from functions.subscriptions.schemas import OpenedOrderOut, PauseIn, ResumedOut, SubscriptionOut
from functions.subscriptions.service import expiry, selling, standing
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.store import life, plans
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock, observe
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.views import prices

_BATCH = 100


def pause(db: Connection, user_id: int, subscription_id: int, wish: PauseIn) -> SubscriptionOut:
    """Let a subscription pause when its period ends, until `resume_at` if given; asked again, the later wish holds.

    Raises NotActive, also for one that ends with its period, and ResumeAtInvalid.
    """
    now = clock.now()
    lock_user(db, user_id)
    row = _own(db, user_id, subscription_id)
    if row["status"] != "active" or row["cancel_at_period_end"] or expiry.is_over(row, now):
        raise NotActive(status=row["status"])
    if wish.resume_at is not None and wish.resume_at <= row["current_period_end"]:
        raise ResumeAtInvalid(period_end=clock.rfc3339(row["current_period_end"]))
    life.set_pause(db, subscription_id, pauses=True, resume_at=wish.resume_at, at=now)
    if not row["pause_at_period_end"]:
        standing.tell_renewal_changed(db, subscription_id)
    return subscription_out(row | {"pause_at_period_end": True})


def resume(db: Connection, user_id: int, subscription_id: int) -> ResumedOut:
    """End a pause: one that has not begun is dropped, else a new period is ordered. Asked again, the same order waits.

    Raises NotPaused, or PlanArchived when there is nothing to go back to.
    """
    now = clock.now()
    lock_user(db, user_id)
    row = _own(db, user_id, subscription_id)
    if row["status"] == "active" and row["pause_at_period_end"] and expiry.is_over(row, now):
        expiry.let_go(db, subscription_id, row["status"], now)
        row = _own(db, user_id, subscription_id)
    order = None
    if row["status"] == "active" and row["pause_at_period_end"]:
        life.set_pause(db, subscription_id, pauses=False, resume_at=None, at=now)
        standing.tell_renewal_changed(db, subscription_id)
        row["pause_at_period_end"] = False
    elif row["status"] == "paused":
        order = _order(db, row, now)
        row = _own(db, user_id, subscription_id) if order.status == "paid" else row
    else:
        raise NotPaused(status=row["status"])
    return ResumedOut.model_construct(**dict(subscription_out(row)), order=order)


def resume_due() -> int:
    """Order a new period for every subscription whose pause was to end by now, once; how many were ordered."""
    now, ordered, after_id = clock.now(), 0, 0
    while True:
        with reading() as db:
            batch = life.to_resume(db, now, after_id, _BATCH)
        for one in batch:
            after_id = one["subscription_id"]
            try:
                ordered += _resume_due(one["user_id"], after_id, now)
            except Exception:  # noqa: BLE001 - one bad row must not keep the others from going on
                observe.error("subscription not resumed", subscription_id=after_id)
        if len(batch) < _BATCH:
            return ordered


def _resume_due(user_id: int, subscription_id: int, now: datetime) -> int:
    with unit_of_work() as db:
        lock_user(db, user_id)
        row = store.find(db, subscription_id, user_id)
        if row is None or row["status"] != "paused":
            return 0
        life.set_pause(db, subscription_id, pauses=False, resume_at=None, at=now)
        try:
            _order(db, row, now)
        except PlanArchived:
            observe.warn("subscription has no plan to resume", subscription_id=subscription_id)
            return 0
        return 1


def _own(db: Connection, user_id: int, subscription_id: int) -> Row:
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    return row


def _order(db: Connection, row: Row, now: datetime) -> OpenedOrderOut:
    """The order that ends a pause: for the plan chosen for the next period, else the present one, at its present price."""
    waits = life.waiting(db, row["subscription_id"], "order", now)
    if waits is not None:
        return selling.order_out(waits)
    plan_id = row["next_plan_id"] or row["plan"]["plan_id"]
    found = plans.find(db, plan_id)
    price = prices.hold(db, prices.Wish("plan", plan_id, row["user_id"]), now)
    if found is None or price is None:
        raise PlanArchived
    return selling.sell(db, row, found["plan"], price, now)
