"""Daily: drop idempotency keys past their day, and facts and remembered events past any redelivery."""

from datetime import timedelta

from shared import clock
from shared.schedule import scheduled
from shared.sql.connection import transaction

REDELIVERY_ENDS = timedelta(days=30)
"""The bus archive may replay this far back (rules.md §19 keeps jobs as long)."""


def forget() -> int:
    """Delete what nobody can ask for any more."""
    now = clock.now()
    with transaction() as db:
        keys = db.execute("DELETE FROM platform.idempotency_keys WHERE expires_at < %s", (now,)).rowcount
        facts = db.execute("DELETE FROM platform.outbox_events WHERE sent_at < %s", (now - REDELIVERY_ENDS,)).rowcount
        remembered = db.execute("DELETE FROM platform.processed_events WHERE at < %s", (now - REDELIVERY_ENDS,)).rowcount
    return keys + facts + remembered


handler = scheduled(forget, "platform.forget_old")
