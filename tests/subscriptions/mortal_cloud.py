"""Scheduler, Step Functions, queues and the bus, heard on the wire of the real clients by somebody who may die there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from shared import aws
from shared.ids import new_ulid
from shared.sql.connection import Connection
from tests.payments.build import Crash

AWS_CALLS = {
    "scheduler": ("CreateSchedule", "DeleteSchedule"),
    "stepfunctions": ("StartExecution",),
    "sqs": ("SendMessage",),
    "events": ("PutEvents",),
}
SERVICE_IDS = {"stepfunctions": "sfn", "events": "eventbridge"}


class MortalCloud:
    """Keeps the entries, the executions and the ids of letters; dies at the moment it was told, counted over a call."""

    def __init__(self) -> None:
        self.executions: dict[str, tuple[str, dict[str, Any]]] = {}
        self.entries: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self.letters: list[str] = []
        self._dies_at: int | None = None
        self._moment = 0
        aws.forget_clients()  # those of another one, which listens to them
        for service, verbs in AWS_CALLS.items():
            for verb in verbs:
                name = f"before-call.{SERVICE_IDS.get(service, service)}.{verb}"
                aws.client(service).meta.events.register_first(name, getattr(self, f"_on_{verb.lower()}"))

    def _on_createschedule(self, params: dict[str, Any], **_: Any) -> Any:
        self._maybe_die()
        name, body = params["url_path"].rsplit("/", 1)[1], json.loads(params["body"])
        fires = datetime.fromisoformat(body["ScheduleExpression"][3:-1]).replace(tzinfo=UTC)
        self.entries[name] = (fires, json.loads(body["Target"]["Input"]))
        self._maybe_die()
        return _answer({"ScheduleArn": f"arn:{name}"})

    def _on_deleteschedule(self, params: dict[str, Any], **_: Any) -> Any:
        self._maybe_die()
        self.entries.pop(params["url_path"].rsplit("/", 1)[1], None)
        self._maybe_die()
        return _answer({})

    def _on_startexecution(self, params: dict[str, Any], **_: Any) -> Any:
        self._maybe_die()
        body = json.loads(params["body"])
        self.executions.setdefault(body["name"], ("Advance", json.loads(body["input"])))
        self._maybe_die()
        return _answer({"executionArn": body["name"], "startDate": 0})

    def _on_sendmessage(self, params: dict[str, Any], **_: Any) -> Any:
        self._maybe_die()
        self.letters.append(json.loads(json.loads(params["body"])["MessageBody"])["letter_id"])
        self._maybe_die()
        return _answer({"MessageId": new_ulid()})

    def _on_putevents(self, params: dict[str, Any], **_: Any) -> Any:
        """The bus takes everything; `hear` delivers from the outbox, where it is whether this was reached or not."""
        self._maybe_die()
        taken = [{"EventId": new_ulid()} for _ in json.loads(params["body"])["Entries"]]
        self._maybe_die()
        return _answer({"FailedEntryCount": 0, "Entries": taken})

    def _maybe_die(self) -> None:
        self._moment += 1
        if self._moment == self._dies_at:
            raise Crash(self._moment)

    @contextmanager
    def _dying(self, db: Connection) -> Iterator[None]:
        kill = self._maybe_die

        class Mortal(db.cursor_factory):  # type: ignore[name-defined,misc]  # the house's own cursor, made mortal
            def execute(self, *args: Any, **kwargs: Any) -> Any:
                kill()
                return super().execute(*args, **kwargs)

        usual, db.cursor_factory = db.cursor_factory, Mortal
        try:
            yield
        finally:
            db.cursor_factory = usual


def _answer(said: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A response of AWS that no server sent."""
    return AWSResponse("https://aws.test", 200, HTTPHeaders(), None), said
