"""Settings in SQL: the table `admin.system_settings` holds what differs from the default."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.admin.models import SettingRow
from shared.sql.connection import Connection


def lock(db: Connection) -> None:
    """One change at a time, until the transaction ends: what an audit record calls `before` is what held before."""
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('admin.system_settings', 0))")


def read(db: Connection) -> dict[str, SettingRow]:
    """Every setting someone set, by key."""
    with db.cursor(row_factory=class_row(SettingRow)) as cursor:
        rows = cursor.execute("SELECT key, value, updated_by, updated_at FROM admin.system_settings").fetchall()
    return {row.key: row for row in rows}


def write(db: Connection, values: Sequence[tuple[str, Any]], uid: int, at: datetime) -> None:
    """Set them all, in one statement."""
    if not values:
        return
    db.execute(
        """
        INSERT INTO admin.system_settings (key, value, updated_by, updated_at)
        SELECT key, value, %s, %s FROM unnest(%s::text[], %s::jsonb[]) AS sent (key, value)
        ON CONFLICT (key) DO UPDATE
        SET value = excluded.value, updated_by = excluded.updated_by, updated_at = excluded.updated_at
        """,
        (uid, at, [key for key, _ in values], [Jsonb(value) for _, value in values]),
    )


def reset(db: Connection, keys: Iterable[str]) -> None:
    """Back to the defaults."""
    if keys := list(keys):
        db.execute("DELETE FROM admin.system_settings WHERE key = ANY(%s)", (keys,))
