"""Table streams: each change once, in order, its effect and its id in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from shared import observe
from shared.batch import Handler, first_time
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

Image = dict[str, dict[str, Any]]
"""An item as DynamoDB writes it; `Item.from_raw_data` reads it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item."""

    event_id: str
    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    pk: str
    sk: str
    old: Image
    new: Image

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """The change a stream record tells of."""
        body = record["dynamodb"]
        return cls(
            event_id=record["eventID"],
            kind=record["eventName"],
            pk=body["Keys"]["pk"]["S"],
            sk=body["Keys"]["sk"]["S"],
            old=body.get("OldImage", {}),
            new=body.get("NewImage", {}),
        )


def on_change(concerns: Callable[[Change], bool], react: Callable[[Connection, Change], None], consumer: str) -> Handler:
    """A handler of a table's changes: `react` runs for those that concern it, in a transaction that remembers their id.

    The first record that fails is reported and ends the batch: it and what follows come again, in their order.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        observe.bind(consumer=consumer, request_id=getattr(context, "aws_request_id", None))
        failures, done = [], 0
        for record in event["Records"]:
            try:
                change = Change.of(record)
                if concerns(change):
                    done += _once(consumer, react, change)
            except Exception:  # noqa: BLE001 - reported, and tried again from here
                observe.error("change failed", event_id=record.get("eventID"))
                failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
                break
        observe.info("changes done", seen=len(event["Records"]), done=done)
        observe.flush()
        return {"batchItemFailures": failures}

    return handler


def _once(consumer: str, react: Callable[[Connection, Change], None], change: Change) -> bool:
    with unit_of_work() as db:
        new = first_time(db, consumer, change.event_id)
        if new:
            react(db, change)
    return new
