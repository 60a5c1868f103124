"""Payouts that nobody drives: what the sweeper looks for."""

from datetime import datetime

from shared.sql.connection import Connection

_AT_ONCE = 200


def untold(db: Connection) -> list[int]:
    """Decided, and the execution that waits for the decision was not told."""
    return _ids(
        db,
        """
        SELECT w.withdrawal_id FROM finance.withdrawal_requests w
        WHERE w.task_token IS NOT NULL AND w.status <> 'pending' AND NOT EXISTS (
            SELECT FROM finance.withdrawal_transfers t
            WHERE t.withdrawal_id = w.withdrawal_id AND t.status = 'open' AND t.code = 'BY_HAND')
        ORDER BY w.updated_at LIMIT %(limit)s
        """,
        {},
    )


def unstarted(db: Connection, before: datetime) -> list[int]:
    """Open since before a moment, and no step of its current execution has run."""
    return _ids(
        db,
        """
        SELECT withdrawal_id FROM finance.withdrawal_requests
        WHERE status IN ('pending', 'approved', 'processing') AND driven_at IS NULL AND updated_at < %(before)s
        ORDER BY updated_at LIMIT %(limit)s
        """,
        {"before": before},
    )


def silent(db: Connection, before: datetime) -> list[int]:
    """Driven once, not since a moment, and not waiting for a person."""
    return _ids(
        db,
        """
        SELECT w.withdrawal_id FROM finance.withdrawal_requests w
        WHERE w.status IN ('pending', 'approved', 'processing') AND w.driven_at < %(before)s
          AND (w.task_token IS NULL OR w.status <> 'pending' AND NOT EXISTS (
            SELECT FROM finance.withdrawal_transfers t
            WHERE t.withdrawal_id = w.withdrawal_id AND t.status = 'open' AND t.code = 'BY_HAND'))
        ORDER BY w.driven_at LIMIT %(limit)s
        """,
        {"before": before},
    )


def paid_since(db: Connection, since: datetime, looked_before: datetime) -> list[int]:
    """Paid by a transfer since a moment, and not asked after lately."""
    return _ids(
        db,
        """
        SELECT w.withdrawal_id FROM finance.withdrawal_requests w
        WHERE w.status = 'paid' AND w.paid_at >= %(since)s AND coalesce(w.checked_at, w.paid_at) < %(before)s
          AND EXISTS (SELECT FROM finance.withdrawal_transfers t
                      WHERE t.withdrawal_id = w.withdrawal_id AND t.hold_no = w.hold_no AND t.status = 'succeeded')
        ORDER BY w.paid_at LIMIT %(limit)s
        """,
        {"since": since, "before": looked_before},
    )


def looked_after(db: Connection, withdrawal_id: int, now: datetime) -> None:
    """A paid request was asked after."""
    db.execute("UPDATE finance.withdrawal_requests SET checked_at = %s WHERE withdrawal_id = %s", (now, withdrawal_id))


def _ids(db: Connection, statement: str, parameters: dict[str, object]) -> list[int]:
    return [row[0] for row in db.execute(statement, parameters | {"limit": _AT_ONCE}).fetchall()]
