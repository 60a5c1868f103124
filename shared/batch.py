"""Queue consumers: each message on its own, failures reported one by one, effects exactly once."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from events.base import Fact
from shared import clock, observe
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

F = TypeVar("F", bound=Fact)
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def each_message(handle: Callable[[dict[str, Any]], None], consumer: str) -> Handler:
    """A handler that passes the JSON body of every SQS record to `handle`; a record that raises is retried alone."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        failures = []
        for record in event["Records"]:
            observe.bind(
                consumer=consumer, message_id=record["messageId"], request_id=getattr(context, "aws_request_id", None)
            )
            try:
                handle(json.loads(record["body"]))
            except Exception:  # noqa: BLE001 - one bad message must not hold back the others
                observe.error("message failed")
                failures.append({"itemIdentifier": record["messageId"]})
            else:
                observe.info("message done")
        observe.flush()
        return {"batchItemFailures": failures}

    return handler


def on_fact(fact_type: type[F], react: Callable[[Connection, F], None], consumer: str) -> Handler:
    """A handler for one fact: `react` runs in a transaction that also remembers the fact's id.

    A fact delivered again finds its id and does nothing; a crash before the commit leaves neither trace nor id.
    """

    def handle(body: dict[str, Any]) -> None:
        fact = fact_type.model_validate(body["detail"])
        with unit_of_work() as db:
            if first_time(db, consumer, fact.event_id):
                react(db, fact)

    return each_message(handle, consumer)


def first_time(db: Connection, consumer: str, event_id: str) -> bool:
    """Remember that `consumer` handles this event; False when it already has. A twin in flight is waited for."""
    remembered = db.execute(
        """
        INSERT INTO platform.processed_events (consumer, event_id, at) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING 1
        """,
        (consumer, event_id, clock.now()),
    ).fetchone()
    return remembered is not None
