"""The whole product in one process: every domain's real handlers over one database, one in-memory cloud, real simulators.

It does what AWS does between functions: routes requests, carries facts from the bus to their listeners and messages from
queues to their consumers, runs schedules and state machines. Built from the manifests, like the cloud is.
"""

import base64
import json
import os
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from functions.payments.gateways import registry as payment_gateways
from infra.manifests import discover
from shared import aws
from shared.ids import new_ulid
from shared.manifest import HttpFunction, OnEvent, OnQueue, Scheduled
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from tests.fixtures.api import Reply
from tests.fixtures.cloud import forget_everything
from tests.fixtures.gateway import gateway_event
from tests.fixtures.sandbox import Sandbox
from tests.journey.mortality import Mortality
from tests.journey.states import StateMachines, tap

_MOST_ROUNDS = 60


class LittleHouse:
    """All domains, driven step by step. With a `mortality`, every step dies at every point first."""

    def __init__(
        self, dsn: Callable[[str], str], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mortality: Mortality | None
    ) -> None:
        self.dsn = dsn
        self.sandbox = sandbox
        self.mortality = mortality
        self._monkeypatch = monkeypatch
        self._connections: dict[str, Connection] = {}
        self._routes: list[tuple[str, str, str]] = []
        self._listeners: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._consumers: list[tuple[str, str, str]] = []
        self._schedules: list[tuple[str, str]] = []
        self._read_manifests()
        self._open_bus()
        self._open_scheduler()
        self.machines = StateMachines(self._definitions(), self._run_task)
        self.forget()

    # -- what AWS would have set up

    def _read_manifests(self) -> None:
        for manifest in discover():
            for function in manifest.functions:
                if isinstance(function, HttpFunction):
                    self._routes += [(route.split("{")[0], manifest.domain, function.name) for route in function.routes]
                if isinstance(function, OnEvent):
                    self._listeners[function.event.NAME].append((manifest.domain, function.name))
                if isinstance(function, OnQueue):
                    self._consumers.append((function.queue, manifest.domain, function.name))
                if isinstance(function, Scheduled):
                    self._schedules.append((manifest.domain, function.name))
            for workflow in manifest.workflows:
                self._monkeypatch.setenv(
                    f"WORKFLOW_{workflow.name.upper()}",
                    f"arn:aws:states:us-east-1:123456789012:stateMachine:{workflow.name}",
                )
        self._routes.sort(key=lambda entry: -len(entry[0]))

    def _open_scheduler(self) -> None:
        """Entries are made and deleted; the schedules that make good what one missed fire instead of them."""
        self._monkeypatch.setenv("SCHEDULE_GROUP", "entries")
        self._monkeypatch.setenv("SCHEDULE_ROLE", "arn:aws:iam::123456789012:role/scheduler")
        self._monkeypatch.setenv("SCHEDULE_TARGET", "arn:aws:lambda:us-east-1:123456789012:function:target")
        scheduler = aws.client("scheduler")
        if not scheduler.list_schedule_groups(NamePrefix="entries")["ScheduleGroups"]:
            scheduler.create_schedule_group(Name="entries")

    def _open_bus(self) -> None:
        self._bus = aws.client("sqs").create_queue(QueueName="bus-tap")["QueueUrl"]
        arn = aws.client("sqs").get_queue_attributes(QueueUrl=self._bus, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        events = aws.client("events")
        events.put_rule(Name="tap", EventPattern=json.dumps({"source": [{"prefix": "sharestack."}]}))
        events.put_targets(Rule="tap", Targets=[{"Id": "tap", "Arn": arn}])

    @staticmethod
    def _definitions() -> dict[str, dict[str, Any]]:
        found = {}
        for manifest in discover():
            for workflow in manifest.workflows:
                package = import_module(f"functions.{manifest.domain}").__path__[0]
                text = Path(f"{package}/workflows/{workflow.name}.asl.json").read_text()
                found[workflow.name] = json.loads(text)
        return found

    # -- running one function

    def _handler(self, domain: str, name: str) -> Callable[[dict[str, Any], Any], Any]:
        handler: Callable[[dict[str, Any], Any], Any] = import_module(f"functions.{domain}.{name}").handler
        return handler

    def _invoke(self, domain: str, name: str, event: dict[str, Any], *, again: bool = False) -> Any:
        handler = self._handler(domain, name)
        context = SimpleNamespace(aws_request_id=new_ulid(), function_name=f"{domain}.{name}", memory_limit_in_mb=512)

        def run() -> Any:
            house_connection.use(self._connection(domain))
            return handler(event, context)

        if self.mortality is None:
            return run()
        return self.mortality.survive(run, self._bury, once_as=f"{domain}.{name}" if again else None)

    def _connection(self, domain: str) -> Connection:
        known = self._connections.get(domain)
        if known is None or known.closed:
            dsn = self.dsn(domain)
            known = connect(dsn) if self.mortality is None else self.mortality.connect(dsn)
            self._connections[domain] = known
        return known

    def _bury(self) -> None:
        """What the end of a process does: connections close, caches are gone."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        house_connection.use(None)
        # The server lets go of a dead session's locks when it notices; the next run must not find them held.
        with connect(self.dsn("postgres")) as owner:
            while owner.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone():
                pass
        self.forget()

    def forget(self) -> None:
        """A new process knows nothing: no clients, no tokens, no vendors."""
        forget_everything()
        payment_gateways.use(None)
        self._watch()

    def _watch(self) -> None:
        if self.mortality is not None:
            self.mortality.watch_aws()
        tap(self.machines)

    # -- what happens between functions

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        form: str | None = None,
        query: dict[str, Any] | None = None,
    ) -> Reply:
        """One request through the gateway; a client whose request died repeats it with its key."""
        domain, name = next(
            (d, n) for prefix, d, n in self._routes if f"{path}/".startswith(prefix) or path.startswith(prefix)
        )
        headers = {"accept-language": "en"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if key:
            headers["idempotency-key"] = key
        raw = b""
        if form is not None:
            raw, headers["content-type"] = form.encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            raw, headers["content-type"] = json.dumps(body).encode(), "application/json"
        answer = self._invoke(domain, name, gateway_event(method, f"/api/v1{path}", query=query, headers=headers, body=raw))
        text = answer.get("body", "")
        if answer.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        return Reply(answer["statusCode"], dict(answer.get("headers", {})), text)

    def deliver(self) -> None:
        """Carry facts, messages and workflow steps until nothing moves any more."""
        for _ in range(_MOST_ROUNDS):
            moved = self._carry_facts()
            moved = self._carry_messages() or moved
            moved = self.machines.run() or moved
            if not moved:
                return
        raise AssertionError("the house does not come to rest")

    def tick(self) -> None:
        """Run every schedule once, then carry what came of it."""
        for domain, name in self._schedules:
            self._invoke(domain, name, {}, again=True)
        self.deliver()

    def _carry_facts(self) -> bool:
        moved = False
        for message in self._receive(self._bus):
            moved = True
            detail_type = json.loads(message["Body"])["detail-type"]
            for domain, name in self._listeners[detail_type]:
                self._consume(domain, name, message)
            aws.client("sqs").delete_message(QueueUrl=self._bus, ReceiptHandle=message["ReceiptHandle"])
        return moved

    def _carry_messages(self) -> bool:
        moved = False
        for queue, domain, name in self._consumers:
            url = os.environ[f"QUEUE_{queue.upper().replace('-', '_')}"]
            for message in self._receive(url):
                moved = True
                self._consume(domain, name, message)
                aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return moved

    def _consume(self, domain: str, name: str, message: dict[str, Any]) -> None:
        answer = self._invoke(domain, name, {"Records": [{"messageId": message["MessageId"], "body": message["Body"]}]})
        assert answer == {"batchItemFailures": []}, f"{domain}.{name} failed {message['Body'][:300]}"

    @staticmethod
    def _receive(url: str) -> list[dict[str, Any]]:
        answer: dict[str, Any] = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return list(answer.get("Messages", []))

    def _run_task(self, name: str, payload: dict[str, Any]) -> Any:
        for manifest in discover():
            if any(function.name == name for function in manifest.functions):
                # A poll comes again and again, and waits for the lease that its dead left: it dies once at each place.
                return self._invoke(manifest.domain, name, payload, again=name == "poll_transfer")
        raise AssertionError(f"no task {name}")

    # -- people

    def pay_on_the_page(self, payment: dict[str, Any]) -> None:
        """Open the cashier page and press Pay; the notice is carried to the callback as the vendor sends it."""
        httpx.get(payment["pay_url"], timeout=10).raise_for_status()
        self.sandbox.pay(payment["payment_no"])

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Look, or arrange, as the owner."""
        with connect(self.dsn("postgres")) as db:
            cursor = db.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
