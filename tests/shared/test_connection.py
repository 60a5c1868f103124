"""One connection per environment: found dead before it is used, and opened again."""

import psycopg
import pytest

from shared.sql import connection
from shared.sql.connection import connect, current, reading, transaction


@pytest.fixture
def environment(fresh_database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", fresh_database("platform"))
    connection.use(None)
    yield fresh_database
    connection.use(None)


def kill(dsn: str, pid: int) -> None:
    with connect(dsn) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_session_the_server_ended_is_noticed_before_the_next_statement(environment) -> None:
    with reading() as db:
        first = db.info.backend_pid
    kill(environment(), first)
    with reading() as db:
        assert db.execute("SELECT pg_backend_pid()").fetchone() != (first,)


def test_so_it_is_for_a_transaction(environment) -> None:
    first = current().info.backend_pid
    kill(environment(), first)
    with transaction() as db:
        assert db.execute("SELECT pg_backend_pid()").fetchone() != (first,)


def test_a_session_that_ends_within_a_transaction_rolls_it_back_and_serves_again(environment) -> None:
    def change() -> None:
        with transaction() as db:
            db.execute("INSERT INTO platform.processed_events VALUES ('c', 'e', now())")
            kill(environment(), db.info.backend_pid)
            db.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        change()
    with reading() as db:
        assert db.execute("SELECT count(*) FROM platform.processed_events").fetchone() == (0,)
