"""Grants that end by themselves: what has expired gives nothing from that moment, and soon after the sessions follow."""

from events.admin import StaffChanged
from functions.admin.store import operators as store
from shared import clock
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.edge import unit_of_work

_BATCH = 100


def end_expired() -> int:
    """Say of every operator whose account or extra permissions have ended that the sessions must follow, once."""
    done = 0
    while True:
        now = clock.now()
        with unit_of_work() as db:
            uids = store.take_expired(db, now, _BATCH)
            for uid in uids:
                outbox.record(db, StaffChanged(event_id=new_ulid(), occurred_at=now, uid=uid, changed_at=now))
        done += len(uids)
        if len(uids) < _BATCH:
            return done
