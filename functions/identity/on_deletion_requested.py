"""Somebody wants their account deleted: the workflow that waits out the grace period starts, under the request's id."""

from events.identity import DeletionRequested
from functions.identity.service import deletion
from shared.batch import on_fact
from shared.sql.connection import Connection


def start(_db: Connection, fact: DeletionRequested) -> None:
    """Start the execution; one that was started before is the same one."""
    deletion.start(fact.request_id, fact.delete_at)


handler = on_fact(DeletionRequested, start, consumer="identity.on_deletion_requested")
