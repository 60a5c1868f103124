"""How an account is secured, in SQL."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Secured:
    """The credentials of an account, as far as its owner is shown them."""

    username: str
    email: str | None
    phone: str | None
    password_set: bool
    email_verified: bool
    phone_verified: bool
    totp_enabled: bool
    login_alerts: bool
    single_session: bool


@dataclass(frozen=True, slots=True)
class Banned:
    """What holds against an account or a device at a time."""

    account: bool
    device: bool
    reason: str | None
    end: datetime | None


def find(db: Connection, uid: int) -> Secured | None:
    """How the account is secured; None when there is none any more."""
    with db.cursor(row_factory=class_row(Secured)) as cursor:
        return cursor.execute(
            """
            SELECT u.username, u.email, u.phone_number AS phone, c.password_hash IS NOT NULL AS password_set,
                   u.email_verified_at IS NOT NULL AS email_verified, u.phone_verified_at IS NOT NULL AS phone_verified,
                   c.totp_confirmed_at IS NOT NULL AS totp_enabled, c.login_alerts, c.single_session
            FROM identity.users u JOIN identity.user_auth c ON c.uid = u.uid
            WHERE u.uid = %s AND u.status <> 'deleted'
            """,
            (uid,),
        ).fetchone()


def set_preferences(
    db: Connection, uid: int, *, login_alerts: bool | None, single_session: bool | None, at: datetime
) -> None:
    """Change what is given, leave the rest."""
    db.execute(
        """
        UPDATE identity.user_auth SET login_alerts = coalesce(%s, login_alerts),
            single_session = coalesce(%s, single_session), updated_at = %s
        WHERE uid = %s
        """,
        (login_alerts, single_session, at, uid),
    )


def banned(db: Connection, uid: int | None, device_id: str | None, at: datetime) -> Banned:
    """What bans hold; the account's reason and end are told before the device's."""
    with db.cursor(row_factory=class_row(Banned)) as cursor:
        return cursor.execute(
            """
            SELECT u.uid IS NOT NULL AS account, d.device_id IS NOT NULL AS device, u.ban_reason AS reason,
                   CASE WHEN u.uid IS NOT NULL THEN u.ban_end_time ELSE d.ban_end_time END AS "end"
            FROM (VALUES (1)) one
            LEFT JOIN identity.users u ON u.uid = %(uid)s::bigint AND u.status = 'banned'
                AND (u.ban_end_time IS NULL OR u.ban_end_time > %(at)s)
            LEFT JOIN identity.device_bans d ON d.device_id = %(device_id)s::text
                AND (d.ban_end_time IS NULL OR d.ban_end_time > %(at)s)
            """,
            {"uid": uid, "device_id": device_id, "at": at},
        ).fetchall()[0]
