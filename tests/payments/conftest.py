"""Fixtures of payments' tests."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, cast

import psycopg
import pytest

from functions.payments.gateways import registry
from functions.payments.http import handler
from shared import aws, clock
from shared.errors import Refusal
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.payments.build import MortalGateway, Till, committed
from tests.payments.reconciling import Books


@pytest.fixture
def notices_queue(cloud: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The queue of notices; its address."""
    url = str(aws.client("sqs").create_queue(QueueName="sharestack-test-payment-notices")["QueueUrl"])
    monkeypatch.setenv("QUEUE_PAYMENT_NOTICES", url)
    return url


@pytest.fixture
def vendor() -> Iterator[MortalGateway]:
    """A vendor in memory, serving the channel `alipay`."""
    registry.use(None)
    made = MortalGateway()
    registry.use(made)
    yield made
    registry.use(None)


@pytest.fixture
def till(fresh_database: Callable[..., str], notices_queue: str, vendor: MortalGateway) -> Iterator[Till]:
    """Payments on a database that commits, with its own role's rights."""
    owner = psycopg.connect(fresh_database(), autocommit=True)
    serving = connect(fresh_database("payments"))
    house_connection.use(serving)

    def sql(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = owner.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    with owner, serving:
        yield Till(sql, vendor, fresh_database)
    house_connection.use(None)


@pytest.fixture
def books(till: Till) -> Books:
    """The till with its ledger, and a bill to write."""
    return Books(till)


class _Committed:
    """In place of the rolled-back database: the till's own connection, which commits."""

    @contextmanager
    def acting(self, _domain: str) -> Iterator[None]:
        """Nothing to change."""
        yield


@pytest.fixture
def counter(till: Till, sign_in: Callable[..., str]) -> Api:
    """The HTTP function of payments on the till's database."""
    till.at = clock.now()
    return Api(handler, cast("House", _Committed()), "payments")


@pytest.fixture
def shop(api: Callable[..., Api], notices_queue: str, vendor: MortalGateway) -> Api:
    """The HTTP function of payments on the rolled-back database, with a vendor in memory."""
    return api(handler, "payments")


Verb = Callable[[Connection], Any]


@pytest.fixture
def at_once(till: Till, fresh_database: Callable[..., str]) -> Callable[..., list[Any]]:
    """Run verbs at the same moment, each on its own connection; their results, refusals included."""

    def run(*verbs: Verb) -> list[Any]:
        barrier = Barrier(len(verbs))

        def one(verb: Verb) -> Any:
            with connect(fresh_database("payments")) as db, clock.frozen(till.at):
                barrier.wait()
                try:
                    return committed(db, verb)
                except Refusal as refusal:
                    return type(refusal)

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))

    return run
