"""Scheduled handlers: re-entrant, and alone. A second run while one runs does nothing; a missed one catches up."""

from collections.abc import Callable
from typing import Any

from shared import observe
from shared.sql.connection import Connection, current


def scheduled(work: Callable[[], int], task: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler that runs `work` under the task's lock and reports how many things it did.

    `work` opens its own transactions, so that one bad row does not undo the others.
    """

    def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
        observe.bind(task=task, request_id=getattr(context, "aws_request_id", None))
        db = current()
        if not _take(db, task):
            observe.info("task already running")
            return {"done": 0, "skipped": True}
        try:
            done = work()
        finally:
            db.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (task,))
        observe.info("task done", done=done)
        observe.flush()
        return {"done": done, "skipped": False}

    return handler


def _take(db: Connection, task: str) -> bool:
    """A session lock: PostgreSQL lets go of it when the environment dies."""
    row = db.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (task,)).fetchone()
    return bool(row and row[0])
