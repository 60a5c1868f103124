"""The outbox: a fact is stored in the same transaction as the change, published after it, swept if a crash came between.

Delivery is at least once: a crash after publishing and before marking sends a fact twice, and listeners remember ids.
"""

from datetime import datetime, timedelta

from events.base import Fact
from shared import clock, publish
from shared.sql.connection import Connection

_SWEEP_BATCH = 100
_GRACE = timedelta(seconds=10)


def record(db: Connection, fact: Fact) -> None:
    """Say that something happened; stored when the transaction commits, or not at all."""
    db.facts.append(fact)


def store(db: Connection) -> None:
    """Write the recorded facts, in one statement, inside the transaction that is about to commit."""
    if not db.facts:
        return
    db.execute(
        """
        INSERT INTO platform.outbox_events (event_id, source, topic, payload, created_at)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[])
        """,
        (
            [fact.event_id for fact in db.facts],
            [fact.event_source() for fact in db.facts],
            [fact.NAME for fact in db.facts],
            [fact.model_dump_json() for fact in db.facts],
            [clock.now()] * len(db.facts),
        ),
    )


def send(db: Connection) -> None:
    """Publish what this transaction stored, now that it is committed, and mark it sent."""
    facts, db.facts = db.facts, []
    if not facts:
        return
    taken = publish.put([(fact.event_source(), fact.NAME, fact.model_dump_json()) for fact in facts])
    _mark(db, [fact.event_id for fact, ok in zip(facts, taken, strict=True) if ok])


def sweep(db: Connection, at: datetime) -> int:
    """Publish committed facts that nobody sent, oldest first; returns how many. Two sweeps share no rows."""
    rows = db.execute(
        """
        SELECT event_id, source, topic, payload::text FROM platform.outbox_events
        WHERE sent_at IS NULL AND created_at < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        (at - _GRACE, _SWEEP_BATCH),
    ).fetchall()
    taken = publish.put([(source, topic, payload) for _, source, topic, payload in rows])
    sent = [row[0] for row, ok in zip(rows, taken, strict=True) if ok]
    _mark(db, sent)
    return len(sent)


def _mark(db: Connection, event_ids: list[str]) -> None:
    if event_ids:
        db.execute("UPDATE platform.outbox_events SET sent_at = %s WHERE event_id = ANY(%s)", (clock.now(), event_ids))
