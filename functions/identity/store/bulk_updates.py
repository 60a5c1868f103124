"""Changes of many accounts in SQL: what was asked for, how far it got, and one chunk of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from functions.identity.store.desk import USERS
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class BulkUpdate:
    """A change of the accounts named by `ids`, or of all that `filter` fits up to uid `up_to`; done up to `reached`."""

    job_id: str
    operator_id: int
    ip: str
    user_agent: str
    ids: list[int] | None
    filter: dict[str, str] | None
    change: dict[str, Any]
    spares_staff: bool
    matched: int
    up_to: int
    reached: int
    updated: int
    failed: int
    finished_at: datetime | None


def select_named(db: Connection, ids: Sequence[int]) -> tuple[int, int]:
    """How many of these accounts there are, and the highest of their uids."""
    row = db.execute(
        "SELECT count(*), coalesce(max(uid), 0) FROM identity.users WHERE uid = ANY(%s) AND status <> 'deleted'",
        (list(ids),),
    ).fetchone()
    return cast("tuple[int, int]", row)


def select_fitting(db: Connection, wanted: dict[str, str]) -> tuple[int, int]:
    """How many accounts fit the filter, and the highest of their uids: later ones are not meant."""
    row = db.execute(
        sql.SQL("SELECT count(*), coalesce(max(u.uid), 0) FROM identity.users u WHERE {}").format(_fitting(wanted)), wanted
    ).fetchone()
    return cast("tuple[int, int]", row)


def insert(db: Connection, new: BulkUpdate, at: datetime) -> None:
    """Store what was asked for."""
    db.execute(
        """
        INSERT INTO identity.bulk_updates (job_id, operator_id, ip, user_agent, ids, filter, change, spares_staff, matched,
            up_to, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            new.job_id,
            new.operator_id,
            new.ip,
            new.user_agent,
            new.ids,
            None if new.filter is None else Jsonb(new.filter),
            Jsonb(new.change),
            new.spares_staff,
            new.matched,
            new.up_to,
            at,
            at,
        ),
    )


def lock(db: Connection, job_id: str) -> BulkUpdate | None:
    """A change, alone with it until the transaction ends."""
    with db.cursor(row_factory=class_row(BulkUpdate)) as cursor:
        return cursor.execute(
            """
            SELECT job_id, operator_id, ip, user_agent, ids, filter, change, spares_staff, matched, up_to, reached, updated,
                   failed, finished_at
            FROM identity.bulk_updates WHERE job_id = %s FOR UPDATE
            """,
            (job_id,),
        ).fetchone()


def next_chunk(db: Connection, bulk: BulkUpdate, size: int) -> list[int]:
    """The next uids, in order. Of those named also the ones nobody has: they fail."""
    if bulk.ids is not None:
        return sorted({uid for uid in bulk.ids if uid > bulk.reached})[:size]
    wanted = bulk.filter or {}
    rows = db.execute(
        sql.SQL(
            """
            SELECT u.uid FROM identity.users u
            WHERE {} AND u.uid > %(reached)s AND u.uid <= %(up_to)s ORDER BY u.uid LIMIT %(size)s
            """
        ).format(_fitting(wanted)),
        wanted | {"reached": bulk.reached, "up_to": bulk.up_to, "size": size},
    ).fetchall()
    return [row[0] for row in rows]


def void_tokens(db: Connection, uids: Sequence[int], at: datetime) -> None:
    """Tokens of these accounts count no more. Credentials are locked first, as a login does."""
    db.execute("SELECT 1 FROM identity.user_auth WHERE uid = ANY(%s) ORDER BY uid FOR UPDATE", (list(uids),))
    db.execute(
        "UPDATE identity.user_auth SET token_epoch = token_epoch + 1, updated_at = %s WHERE uid = ANY(%s)", (at, list(uids))
    )


def apply(
    db: Connection, uids: Sequence[int], change: dict[str, Any], *, spares_staff: bool, at: datetime
) -> list[dict[str, Any]]:
    """Change accounts as `desk_changes` would one by one; what each was before. Deleted and spared ones are left out."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            WITH was AS (
                SELECT uid, status, is_active, membership_level, membership_expires_at FROM identity.users
                WHERE uid = ANY(%(uids)s) AND status <> 'deleted'
                  AND NOT EXISTS (SELECT 1 FROM admin.admins s WHERE s.user_id = uid AND s.is_active
                                  AND (%(spares_staff)s::boolean OR (s.role = 'super_admin' AND %(is_active)s::boolean IS NOT NULL)))
                ORDER BY uid FOR NO KEY UPDATE
            )
            UPDATE identity.users u SET
                is_active = coalesce(%(is_active)s::boolean, was.is_active),
                status = CASE WHEN %(is_active)s::boolean AND was.status = 'inactive' THEN 'active'
                              WHEN NOT %(is_active)s::boolean AND was.status = 'active' THEN 'inactive' ELSE was.status END,
                membership_level = coalesce(%(level)s::text, was.membership_level),
                membership_expires_at = CASE WHEN coalesce(%(level)s::text, was.membership_level) = 'free' THEN NULL
                    WHEN %(sets_end)s::boolean THEN %(ends)s::timestamptz ELSE was.membership_expires_at END,
                updated_at = %(at)s
            FROM was WHERE u.uid = was.uid
            RETURNING was.*
            """,
            {
                "uids": list(uids),
                "spares_staff": spares_staff,
                "is_active": change.get("is_active"),
                "level": change.get("membership_level"),
                "sets_end": "membership_expires_at" in change,
                "ends": change.get("membership_expires_at"),
                "at": at,
            },
        ).fetchall()


def advance(db: Connection, job_id: str, reached: int, at: datetime, *, updated: int, failed: int) -> None:
    """One chunk further."""
    db.execute(
        """
        UPDATE identity.bulk_updates SET reached = %s, updated = updated + %s, failed = failed + %s, updated_at = %s
        WHERE job_id = %s
        """,
        (reached, updated, failed, at, job_id),
    )


def finish(db: Connection, job_id: str, at: datetime) -> None:
    """Nothing is left to do."""
    db.execute("UPDATE identity.bulk_updates SET finished_at = %s, updated_at = %s WHERE job_id = %s", (at, at, job_id))


def stalled(db: Connection, before: datetime) -> list[str]:
    """Changes that are not done and of which nobody has done anything since."""
    rows = db.execute(
        "SELECT job_id FROM identity.bulk_updates WHERE finished_at IS NULL AND updated_at < %s ORDER BY updated_at LIMIT 100",
        (before,),
    ).fetchall()
    return [row[0] for row in rows]


def _fitting(wanted: dict[str, str]) -> sql.Composed:
    conditions: list[LiteralString] = [USERS.always, *(USERS.filters[name] for name in sorted(wanted))]
    return sql.SQL(" AND ").join(sql.SQL(condition) for condition in conditions)
