"""Credentials in SQL: proving them, alone with the account, and setting them."""

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.identity.models import LOCKS_REMEMBERED, Account, AccountName, Client, Guesses
from shared.sql.connection import Connection

_OF_GUESSES = tuple(field.name for field in fields(Guesses))


def lock_account(
    db: Connection, kind: AccountName | Literal["uid"], name: str, *, name_hash: str, client: Client, at: datetime
) -> tuple[Account | None, Guesses]:
    """The account of that name, or what is remembered of a name nobody has; locked until the transaction ends.

    Guesses at one name come one after another, whether anybody has it or not. For nobody's, two old names are forgotten.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        row: dict[str, Any] = cursor.execute(
            """
            WITH account AS (
                SELECT u.uid, u.email, u.phone_number AS phone, u.username, u.status, u.is_active, u.ban_reason, u.ban_end_time,
                       c.password_hash,
                       (SELECT s.staff_password_hash FROM admin.admins s WHERE s.user_id = u.uid) AS staff_password_hash,
                       CASE WHEN c.totp_confirmed_at IS NOT NULL THEN c.totp_secret END AS totp_secret, c.totp_pending,
                       c.totp_last_step, c.recovery_code_hashes, c.login_alerts, u.locale,
                       EXISTS (SELECT 1 FROM identity.user_devices d WHERE d.uid = u.uid) AS has_devices,
                       EXISTS (SELECT 1 FROM identity.user_devices d
                               WHERE d.uid = u.uid AND d.device_id = %(device_id)s::text) AS knows_device,
                       c.failed_count, c.failures_since, c.locked_until, c.lock_level, c.recent_addresses
                FROM identity.users u JOIN identity.user_auth c ON c.uid = u.uid
                WHERE u.status <> 'deleted' AND (
                    (%(kind)s = 'email' AND lower(u.email) = %(name)s)
                    OR (%(kind)s = 'phone' AND u.phone_number = %(name)s)
                    OR (%(kind)s = 'username' AND lower(u.username) = %(name)s)
                    OR (%(kind)s = 'uid' AND u.uid = %(uid)s::bigint))
                FOR UPDATE OF c FOR NO KEY UPDATE OF u
            ), forgotten AS (
                DELETE FROM identity.unknown_logins WHERE name_hash IN (
                    SELECT name_hash FROM identity.unknown_logins
                    WHERE kept_until < %(at)s AND name_hash <> %(name_hash)s
                    LIMIT 2 FOR UPDATE SKIP LOCKED
                ) AND NOT EXISTS (SELECT 1 FROM account)
            ), nobody AS (
                INSERT INTO identity.unknown_logins AS known (name_hash, kept_until)
                SELECT %(name_hash)s, %(kept_until)s WHERE NOT EXISTS (SELECT 1 FROM account)
                ON CONFLICT (name_hash) DO UPDATE SET kept_until = greatest(known.kept_until, excluded.kept_until)
                RETURNING failed_count AS nobodys_failed_count, failures_since AS nobodys_failures_since,
                    locked_until AS nobodys_locked_until, lock_level AS nobodys_lock_level,
                    recent_addresses AS nobodys_recent_addresses
            )
            SELECT account.*, nobody.* FROM (VALUES (1)) one LEFT JOIN account ON true LEFT JOIN nobody ON true
            """,
            {
                "kind": kind,
                "name": name,
                "uid": int(name) if kind == "uid" else None,
                "name_hash": name_hash,
                "device_id": client.device_id,
                "at": at,
                "kept_until": at + LOCKS_REMEMBERED,
            },
        ).fetchall()[0]
    nobodys = {name: row.pop(f"nobodys_{name}") for name in _OF_GUESSES}
    own = {name: row.pop(name) for name in _OF_GUESSES}
    if row["uid"] is None:
        return None, Guesses(**nobodys)
    guesses = Guesses(**own)
    return Account(**row, guesses=guesses), guesses


def keep_guesses(db: Connection, uid: int, guesses: Guesses) -> None:
    """Remember the guesses at an account."""
    db.execute(
        """
        UPDATE identity.user_auth
        SET failed_count = %s, failures_since = %s, locked_until = %s, lock_level = %s, recent_addresses = %s
        WHERE uid = %s
        """,
        (*_columns(guesses), uid),
    )


def keep_guesses_at_nobody(db: Connection, name_hash: str, guesses: Guesses, at: datetime) -> None:
    """Remember the guesses at a name nobody has, for as long as they may still matter."""
    db.execute(
        """
        UPDATE identity.unknown_logins
        SET failed_count = %s, failures_since = %s, locked_until = %s, lock_level = %s, recent_addresses = %s,
            kept_until = %s
        WHERE name_hash = %s
        """,
        (*_columns(guesses), max(at, guesses.locked_until or at) + LOCKS_REMEMBERED, name_hash),
    )


def _columns(guesses: Guesses) -> tuple[object, ...]:
    return (
        guesses.failed_count,
        guesses.failures_since,
        guesses.locked_until,
        guesses.lock_level,
        Jsonb(guesses.recent_addresses),
    )


def set_password(db: Connection, uid: int, password_hash: str, at: datetime) -> int:
    """Store a new password: what was guessed at the old one is forgotten, and tokens of before are void.

    Returns the account's new token epoch.
    """
    row = db.execute(
        """
        UPDATE identity.user_auth SET password_hash = %(hash)s, password_changed_at = %(at)s, failed_count = 0,
            failures_since = NULL, locked_until = NULL, lock_level = 0, token_epoch = token_epoch + 1, updated_at = %(at)s
        WHERE uid = %(uid)s RETURNING token_epoch
        """,
        {"uid": uid, "hash": password_hash, "at": at},
    ).fetchall()[0]
    return int(row[0])


def raise_token_epoch(db: Connection, uid: int, at: datetime) -> int:
    """Tokens issued so far must be refreshed; returns the new epoch. The row stays locked until the transaction ends."""
    row = db.execute(
        "UPDATE identity.user_auth SET token_epoch = token_epoch + 1, updated_at = %s WHERE uid = %s RETURNING token_epoch",
        (at, uid),
    ).fetchall()[0]
    return int(row[0])
