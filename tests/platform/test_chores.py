"""What platform does for all: facts swept, old keys forgotten, one run at a time."""

from datetime import timedelta
from typing import Any

import pytest

from functions.platform import forget_old, migrate, sweep_outbox
from shared import clock
from shared.sql import connection
from shared.sql.connection import connect


@pytest.fixture
def database(fresh_database, cloud) -> Any:
    connection.use(connect(fresh_database("platform")))
    return fresh_database


def test_the_sweeper_sends_what_a_crash_left_once(database) -> None:
    with connect(database()) as owner:
        owner.execute(
            """
            INSERT INTO platform.outbox_events (event_id, source, topic, payload, created_at)
            SELECT g::text, 'sharestack.identity', 'identity.user_registered.v1', '{}', now() - interval '1 minute'
            FROM generate_series(1, 250) g
            """
        )
    assert sweep_outbox.handler({}, None) == {"done": 250, "skipped": False}
    assert sweep_outbox.handler({}, None) == {"done": 0, "skipped": False}


def test_a_second_run_while_one_runs_does_nothing(database) -> None:
    with connect(database("platform")) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('platform.sweep_outbox', 0))")
        assert sweep_outbox.handler({}, None) == {"done": 0, "skipped": True}
        other.execute("SELECT pg_advisory_unlock_all()")
    assert sweep_outbox.handler({}, None)["skipped"] is False


def test_only_what_nobody_can_ask_for_is_forgotten(database) -> None:
    now = clock.now()
    with connect(database()) as owner:
        for age, name in ((timedelta(days=31), "old"), (timedelta(days=29), "young")):
            owner.execute("INSERT INTO platform.processed_events VALUES ('c', %s, %s)", (name, now - age))
            owner.execute(
                """
                INSERT INTO platform.outbox_events (event_id, source, topic, payload, created_at, sent_at)
                VALUES (%s, 's', 't', '{}', %s, %s)
                """,
                (name, now - age, now - age),
            )
        owner.execute(
            "INSERT INTO platform.outbox_events (event_id, source, topic, payload, created_at) VALUES ('unsent', 's', 't', '{}', %s)",
            (now - timedelta(days=90),),
        )
        for expires, key in ((now - timedelta(seconds=1), "expired"), (now + timedelta(hours=1), "live")):
            owner.execute(
                "INSERT INTO platform.idempotency_keys (uid, scope, key, body_hash, expires_at) VALUES (1, 's', %s, 'h', %s)",
                (key, expires),
            )
    assert forget_old.handler({}, None)["done"] == 3
    with connect(database()) as owner:
        assert owner.execute("SELECT key FROM platform.idempotency_keys").fetchall() == [("live",)]
        assert owner.execute("SELECT event_id FROM platform.processed_events").fetchall() == [("young",)]
        assert owner.execute("SELECT event_id FROM platform.outbox_events ORDER BY 1").fetchall() == [
            ("unsent",),
            ("young",),
        ]


def test_a_deployment_may_migrate_again(database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", database())
    monkeypatch.delenv("SECRET_DATABASE_OWNER", raising=False)
    assert migrate.handler({}, None) == {"migrated": True}
