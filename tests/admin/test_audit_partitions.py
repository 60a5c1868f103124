"""Both logs by month: data kept on the way up and down, months made ahead and made up for, every partition append-only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace

import psycopg
import pytest

from functions.admin import make_audit_partitions
from shared import clock
from shared.sql.connection import connect
from shared.sql.migrate import downgrade, upgrade
from tests.admin.audit import AT, Archive
from tests.fixtures.postgres import Server

CONTEXT = SimpleNamespace(aws_request_id="run", function_name="admin", memory_limit_in_mb=512)
LOGS = ("admin_operation_logs", "operator_audit_logs")


def partitions(archive: Archive) -> dict[str, int]:
    """How many rows lie in each partition of the operation log."""
    return dict(
        archive.sql("SELECT tableoid::regclass::text, count(*) FROM admin.admin_operation_logs GROUP BY 1 ORDER BY 1")
    )


def make(archive: Archive) -> int:
    with archive.as_admin():
        return int(make_audit_partitions.handler({}, CONTEXT)["done"])


def test_months_are_made_ahead_and_rows_lie_in_theirs(archive: Archive) -> None:
    archive.at = datetime(2031, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
    assert make(archive) == 2 * 4
    assert make(archive) == 0
    archive.write()
    archive.at += timedelta(microseconds=1)
    archive.write()
    archive.at = datetime(2032, 2, 29, tzinfo=UTC)
    archive.write()
    assert partitions(archive) == {f"admin.admin_operation_logs_{month}": 1 for month in ("2031_11", "2031_12", "2032_02")}


def test_a_late_run_moves_what_came_before_it_and_changes_nothing(archive: Archive) -> None:
    for months in (0, 1, 1, 14):
        archive.at = AT + timedelta(days=31 * months)
        archive.write()
    archive.seal()
    archive.anchor()
    before = archive.sql("SELECT * FROM admin.admin_operation_logs ORDER BY id")
    assert partitions(archive)["admin.admin_operation_logs_default"] >= 3
    make(archive)
    moved = partitions(archive)
    assert "admin.admin_operation_logs_default" not in moved
    assert moved["admin.admin_operation_logs_2026_05"] == 1
    assert moved["admin.admin_operation_logs_2026_06"] == 2
    assert archive.sql("SELECT * FROM admin.admin_operation_logs ORDER BY id") == before
    verdict = archive.verify()
    assert (verdict.valid, verdict.checked) == (True, 8)
    archive.write()
    assert archive.sql("SELECT max(id) FROM admin.admin_operation_logs") == [(5,)], "numbers go on"
    archive.at = datetime(2050, 1, 1, tzinfo=UTC)
    archive.write()
    assert partitions(archive)["admin.admin_operation_logs_default"] == 1, "there is a default again"


def test_two_runs_at_once_make_each_month_once(archive: Archive) -> None:
    archive.at = datetime(2033, 1, 15, tzinfo=UTC)
    archive.write()
    barrier = Barrier(4)

    def one(_: int) -> int:
        with connect(archive.dsn("admin")) as db:
            barrier.wait()
            return int(db.execute("SELECT admin.make_audit_partitions(%s, 3)", (archive.at,)).fetchall()[0][0])

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [0, 0, 0, 8]
    assert partitions(archive) == {"admin.admin_operation_logs_2033_01": 1}


def test_a_run_behind_a_long_transaction_gives_up_and_holds_nobody(archive: Archive) -> None:
    archive.at = datetime(2033, 1, 15, tzinfo=UTC)
    with connect(archive.dsn()) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM admin.admin_operation_logs")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            make(archive)
    assert make(archive) == 8


@pytest.fixture
def tables(archive: Archive) -> list[str]:
    """Both logs and all their partitions, one made by hand, with a row in them."""
    archive.at = clock.now()
    archive.write()
    make(archive)
    archive.sql(
        """
        CREATE TABLE admin.by_hand PARTITION OF admin.admin_operation_logs
        FOR VALUES FROM ('2040-01-01 00:00+00') TO ('2040-02-01 00:00+00')
        """
    )
    archive.at = datetime(2040, 1, 15, tzinfo=UTC)
    archive.write()
    return [
        name
        for (name,) in archive.sql(
            """
            SELECT inhrelid::regclass::text FROM pg_inherits
            WHERE inhparent IN ('admin.admin_operation_logs'::regclass, 'admin.operator_audit_logs'::regclass)
            """
        )
    ]


def test_every_partition_refuses_change_to_its_owner_too(archive: Archive, tables: list[str]) -> None:
    assert len(tables) >= 11
    with connect(archive.dsn()) as owner:
        for table in [*tables, *(f"admin.{log}" for log in LOGS)]:
            for change in ("UPDATE {} SET user_agent = ''", "DELETE FROM {}", "TRUNCATE {}"):
                if table == "admin.by_hand" and change.startswith("TRUNCATE"):
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                    owner.execute(change.format(table))


def test_no_role_reaches_a_partition_or_says_who_wrote_when(archive: Archive, tables: list[str]) -> None:
    for role in ("admin", "payments"):
        with connect(archive.dsn(role)) as db:
            for table in tables:
                for statement in ("SELECT count(*) FROM {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        db.execute(statement.format(table))
            for column in ("id", "tx"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    db.execute(
                        f"""
                        INSERT INTO admin.operator_audit_logs ({column}, operator_id, action_type, created_at)
                        OVERRIDING SYSTEM VALUE VALUES ('1', 1, 'x', now())
                        """
                    )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute("UPDATE admin.admin_operation_logs SET result = 'success'")
    with connect(archive.dsn("payments")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("SELECT admin.make_audit_partitions(now(), 1)")


def test_rows_are_kept_on_the_way_up_and_down(postgres: Server, fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database()
    downgrade(dsn, "0014")
    insert = """
        INSERT INTO admin.admin_operation_logs (admin_uid, operation, resource_type, details, result, created_at)
        VALUES (1, 'x', 'y', '{"a": 1.10}', 'success', %s) RETURNING id
    """
    read = "SELECT id, admin_uid, operation, details::text, result, created_at FROM admin.admin_operation_logs ORDER BY id"
    with connect(dsn) as db:
        for year in (2020, 2026, 2090):
            db.execute(insert, (datetime(year, 5, 6, tzinfo=UTC),))
        db.execute("INSERT INTO admin.operator_audit_logs (operator_id, action_type, created_at) VALUES (1, 'x', now())")
        before = db.execute(read).fetchall()
    upgrade(dsn)
    with connect(dsn) as db:
        assert db.execute(read).fetchall() == before
        assert db.execute(insert, (datetime(2027, 1, 1, tzinfo=UTC),)).fetchone() == (4,)
        months = db.execute("SELECT tableoid::regclass::text FROM admin.admin_operation_logs ORDER BY id LIMIT 3").fetchall()
        assert months == [(f"admin.admin_operation_logs_{year}_05",) for year in (2020, 2026, 2090)]
        before = db.execute(read).fetchall()
    downgrade(dsn, "0014")
    with connect(dsn) as db:
        assert db.execute(read).fetchall() == before
        assert db.execute(insert, (datetime(2027, 1, 1, tzinfo=UTC),)).fetchone() == (5,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            db.execute("DELETE FROM admin.admin_operation_logs")
    upgrade(dsn)
