"""Fixtures of finance's tests."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from functions.finance.http import handler
from shared import aws, clock
from shared.errors import Refusal
from shared.sql import connection as house_connection
from shared.sql import outbox
from shared.sql.connection import Connection, connect
from tests.finance.build import OPERATOR, Desk, add_creator
from tests.finance.machine import ASL
from tests.fixtures.api import Api, Reply, SignIn
from tests.fixtures.postgres import House

CREATOR = 100002
EVERYTHING = ("finance:read", "finance:write", "finance:approve")


@pytest.fixture
def resources(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state machines and the queue of finance under their environment names."""
    role = "arn:aws:iam::123456789012:role/workflow"
    machine = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    assert json.loads(ASL.read_text())
    for name in ("withdrawal", "settlement"):
        made = aws.client("stepfunctions").create_state_machine(
            name=f"sharestack-test-finance-{name}", definition=json.dumps(machine), roleArn=role
        )
        monkeypatch.setenv(f"WORKFLOW_{name.upper()}", made["stateMachineArn"])
    url = aws.client("sqs").create_queue(QueueName="sharestack-test-settlement-jobs")["QueueUrl"]
    monkeypatch.setenv("QUEUE_SETTLEMENT_JOBS", url)


@pytest.fixture
def desk(fresh_database: Callable[..., str], resources: None) -> Iterator[Desk]:
    """Finance on a database that commits, with its own role's rights; one verified creator."""
    owner = psycopg.connect(fresh_database(), autocommit=True)
    serving = connect(fresh_database("finance"))
    house_connection.use(serving)

    def sql(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = owner.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    with owner, serving:
        add_creator(sql, CREATOR)
        yield Desk(sql)
        house_connection.use(None)


@pytest.fixture
def counter(house: House, resources: None) -> Desk:
    """Finance on the rolled-back database; one verified creator."""
    add_creator(house.sql, CREATOR)
    return Desk(house.sql, lambda: house.acting("finance"))


@pytest.fixture
def http(api: Callable[..., Api], counter: Desk) -> Api:
    """The HTTP function of finance on the rolled-back database."""
    return api(handler, "finance")


class Client:
    """Calls at the desk's time, as the creator or as an operator."""

    def __init__(self, http: Api, desk: Desk, sign_in: SignIn) -> None:
        self.http, self.desk, self._sign_in = http, desk, sign_in

    def __call__(
        self, verb: str, path: str, body: Any = None, *, uid: int = CREATOR, permissions: Any = (), **options: Any
    ) -> Reply:
        with clock.frozen(self.desk.at):
            roles = () if permissions else ("creator",)
            token = self._sign_in(uid, roles=roles, permissions=permissions)
            return self.http.call(verb, path, token=token, json_body=body, **options)

    def staff(self, verb: str, path: str, body: Any = None, permissions: Any = EVERYTHING, **options: Any) -> Reply:
        return self(verb, path, body, uid=OPERATOR, permissions=permissions, **options)


@pytest.fixture
def call(http: Api, counter: Desk, sign_in: SignIn) -> Client:
    """Calls on the rolled-back database."""
    return Client(http, counter, sign_in)


@pytest.fixture
def rich(counter: Desk) -> Desk:
    """The same, where the creator has 7952 yuan available."""
    counter.earned(CREATOR, 500_000)
    return counter


THREADS = 8
Together = Callable[[Callable[[Connection, int], Any]], list[Any]]


@pytest.fixture
def together(desk: Desk, fresh_database: Callable[..., str]) -> Together:
    """Run a piece of work in eight transactions that start at once: what each got, or the name of its refusal."""

    def run(work: Callable[[Connection, int], Any]) -> list[Any]:
        barrier = Barrier(THREADS)

        def one(index: int) -> Any:
            with connect(fresh_database("finance")) as db, clock.frozen(desk.at):
                barrier.wait()
                try:
                    with db.transaction():
                        said = work(db, index)
                        outbox.store(db)
                        return said
                except Refusal as refusal:
                    return refusal.error

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(one, range(THREADS)))

    return run
