"""One psycopg connection per environment: opened on first use, reopened once when it was lost.

No pool: an environment serves one event at a time. `prepare_threshold=None` because named prepares pin a connection
of RDS Proxy. After a SnapStart restore the old socket is dead; the first statement then finds out and reconnects.
"""

import json
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from events.base import Fact
from shared import aws


class Connection(psycopg.Connection[TupleRow]):
    """A connection that also carries the facts recorded in the running transaction, and counts its statements."""

    facts: list[Fact]
    statements: int


_open: list[Connection] = []
_AT_MOST_ONE_RETRY = 2
_PROVED = {"sslmode": "verify-full", "sslrootcert": str(Path(__file__).with_name("database-ca.pem"))}
"""No system knows the authority that certifies Aurora, so it travels with us."""


def _dsn() -> str:
    dsn = os.environ["DATABASE_URL"]
    if os.environ.get("DATABASE_IAM") != "true":
        return dsn
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    token = aws.client("rds").generate_db_auth_token(parts["host"], int(str(parts["port"])), parts["user"])
    return psycopg.conninfo.make_conninfo(dsn, password=token, **_PROVED)


def owner_dsn() -> str:
    """The DSN of the database's owner, for migrations; its password comes from the secret the cluster made."""
    dsn = os.environ["DATABASE_OWNER_URL"]
    if "SECRET_DATABASE_OWNER" not in os.environ:
        return dsn
    stored = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_DATABASE_OWNER"])["SecretString"]
    return psycopg.conninfo.make_conninfo(dsn, password=json.loads(stored)["password"], **_PROVED)


def connect(dsn: str | None = None) -> Connection:
    """Open a connection of the house's kind: autocommit, UTC, no named prepares."""
    connection = Connection.connect(dsn or _dsn(), autocommit=True, prepare_threshold=None, connect_timeout=5)
    connection.facts = []
    connection.statements = 0
    connection.cursor_factory = _CountingCursor
    return connection


class _CountingCursor(psycopg.Cursor[Any]):
    """Counts statements, so that a test can hold a request to its budget of round trips."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self.connection.statements += 1  # type: ignore[attr-defined]  # every connection here is ours
        return super().execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        self.connection.statements += 1  # type: ignore[attr-defined]  # psycopg pipelines it into one turn
        super().executemany(*args, **kwargs)


def current() -> Connection:
    """The environment's connection, alive at the last look; see `reading` and `transaction` for the retry."""
    if not _open:
        _open.append(connect())
    elif _open[0].closed or _open[0].broken:
        _open[0] = connect()
    return _open[0]


def use(connection: Connection | None) -> None:
    """Serve this connection from now on (tests hand in one whose outer transaction is rolled back)."""
    _open[:] = [connection] if connection is not None else []


def _alive() -> Connection:
    """The connection, proved alive by its socket; a peer that closed it is noticed here without a round trip."""
    connection = current()
    if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE and _peer_closed(connection):
        connection.close()
        connection = current()
    return connection


def _peer_closed(connection: Connection) -> bool:
    """An idle session has nothing to say; when its socket is readable it says goodbye (or something as rare)."""
    try:
        readable, _, _ = select.select([connection.pgconn.socket], [], [], 0)
    except (OSError, ValueError, psycopg.OperationalError):
        return True
    return bool(readable)


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for reads: autocommit, so one statement is one round trip."""
    yield _alive()


@contextmanager
def transaction() -> Iterator[Connection]:
    """One transaction: committed when the block ends, rolled back when it raises. Inside another, a savepoint."""
    connection = _alive()
    connection.facts = []
    with connection.transaction():
        yield connection
