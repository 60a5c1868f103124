"""What wakes renewals up: a subscription's one Scheduler entry, the execution it starts, and the repair of both.

All of it may be done twice: an entry and an execution have one name each, and every step reads the rows first.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from events.subscriptions import RenewalChanged, SubscriptionActivated, SubscriptionEnded
from functions.subscriptions.renewals import LOOKS
from functions.subscriptions.service import renewals
from functions.subscriptions.store import renewals as store
from functions.subscriptions.store.rows import Row
from shared import clock, entries, observe, workflow
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

_BEGINS_FROM = frozenset({"trialing", "active"})
_BATCH = 100


def arrange(db: Connection, fact: SubscriptionActivated | SubscriptionEnded | RenewalChanged) -> None:
    """Make, move or delete the Scheduler entry of a subscription so that it fires when its renewal begins.

    A renewal that has begun needs none: it looks at what has changed at once.
    """
    now = clock.now()
    if renewals.hold(db, fact.subscription_id) is None:
        return
    row = store.of_subscription(db, fact.subscription_id)
    if row is None:
        return
    if row["renewal_id"] is not None:
        renewals.drive(db, row["renewal_id"], now)
        row = store.of_subscription(db, fact.subscription_id) or row
    wanted = _entry_time(db, row, now)
    if wanted == row["entry_at"]:
        return
    if row["entry_at"] is not None:
        entries.delete(_name(fact.subscription_id, row["entry_at"]))
    if wanted is not None:
        entries.create(_name(fact.subscription_id, wanted), wanted, {"subscription_id": fact.subscription_id})
    store.set_entry(db, fact.subscription_id, wanted)


def _entry_time(db: Connection, row: Row, now: datetime) -> datetime | None:
    """When the entry is to fire, in whole seconds; one that should have fired already fires in a minute."""
    if row["status"] not in _BEGINS_FROM or row["ends"] or row["renewal_id"] is not None:
        return None
    begins = _begins(db, row)
    if begins > now:
        return begins
    made: datetime | None = row["entry_at"]
    soon = (now + timedelta(minutes=1)).replace(microsecond=0)
    return made if made is not None and now - LOOKS < made < soon else soon


def _begins(db: Connection, row: Row) -> datetime:
    """When a renewal begins, in the whole seconds Scheduler knows."""
    return renewals.terms(db).begins(row["current_period_end"]).replace(microsecond=0)


def _name(subscription_id: int, moment: datetime) -> str:
    return f"subscriptions-renewal-{subscription_id}-{int(moment.timestamp())}"


def begin(subscription_id: int) -> bool:
    """Begin the renewal of a subscription's present period if it is time, and start its execution; whether one was started.

    Called by the Scheduler entry, and by the sweep for entries that were missed.
    """
    with unit_of_work() as db:
        now = clock.now()
        if renewals.hold(db, subscription_id) is None:
            return False
        row = store.of_subscription(db, subscription_id)
        if row is None or not _is_time(db, row, now):
            return False
        if row["renewal_id"] is None:
            store.begin(db, subscription_id, now)
    return start(subscription_id)


def _is_time(db: Connection, row: Row, now: datetime) -> bool:
    if row["renewal_id"] is not None:
        return True
    may_begin = row["status"] in _BEGINS_FROM and not row["ends"]
    return may_begin and _begins(db, row) <= now


def start(subscription_id: int) -> bool:
    """Start the execution of an open renewal's run; False when there is nothing to start, or it was started before."""
    with unit_of_work() as db:
        row = store.of_subscription(db, subscription_id)
        if row is None or row["renewal_id"] is None or row["started_at"] is not None:
            return False
        name = f"renewal-{row['renewal_id']}-{row['run']}"
        arn = workflow.start("renewal", name, {"renewal_id": row["renewal_id"]})
        store.started(db, row["renewal_id"], row["run"], clock.now())
    return arn is not None


def advance(event: dict[str, Any]) -> dict[str, Any]:
    """One turn of an execution: do what is due, and say when to come back, in whole seconds and never too early."""
    renewal_id = event["renewal_id"]
    with unit_of_work() as db:
        subscription_id = store.subscription_of(db, renewal_id)
        at = None
        if subscription_id is not None and renewals.hold(db, subscription_id) is not None:
            at = renewals.drive(db, renewal_id, clock.now())
    if at is None:
        return {"renewal_id": renewal_id, "next": "end"}
    wakes = at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1 if at.microsecond else 0)
    return {"renewal_id": renewal_id, "next": "wait", "wakes_at": clock.rfc3339(wakes)}


def sweep() -> int:
    """Begin what was missed, start what was not started, and replace executions that fell silent; how many were helped."""
    now = clock.now()
    with reading() as db:
        until = now + renewals.terms(db).notice
    helped = _batches(lambda db, after: store.missed(db, until, after, _BATCH), begin)
    gone = now - LOOKS
    return helped + _batches(lambda db, after: store.silent(db, gone, after, _BATCH), _replace)


def _batches(find: Callable[[Connection, int], Sequence[int]], help_one: Callable[[int], bool]) -> int:
    helped, after = 0, 0
    while True:
        with reading() as db:
            batch = find(db, after)
        for after in batch:
            try:
                helped += help_one(after)
            except Exception:  # noqa: BLE001 - one bad row must not keep the others waiting
                observe.error("renewal could not be swept", id=after)
        if len(batch) < _BATCH:
            return helped


def _replace(renewal_id: int) -> bool:
    with unit_of_work() as db:
        subscription_id = store.subscription_of(db, renewal_id)
        if subscription_id is None or renewals.hold(db, subscription_id) is None:
            return False
        store.next_run(db, renewal_id, clock.now())
    observe.warn("execution is silent, starting another", renewal_id=renewal_id)
    return start(subscription_id)
