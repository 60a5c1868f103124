"""Accounts in SQL: registering, signing in, reading oneself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.identity.models import Client, NewAccount, Person, Staff
from shared import clock
from shared.crypto import mask_phone
from shared.sql.connection import Connection

_NOT_OF_THE_PROFILE = (
    "token_epoch", "single_session", "ban_reason", "ban_end_time", "admin_id", "staff_role", "staff_permissions",
    "department", "staff_active", "staff_expires_at", "permissions_expire_at",
)  # fmt: skip


def insert_account(db: Connection, new: NewAccount) -> int:
    """Store an account with everything that belongs to it, in one statement; returns its uid.

    A name that is taken raises UniqueViolation, naming the index.
    """
    row = db.execute(
        """
        WITH account AS (
            INSERT INTO identity.users (username, email, phone_number, email_verified_at, email_verified_via,
                phone_verified_at, is_verified, locale, last_login_at, last_login_method, created_at, updated_at)
            VALUES (%(username)s::text, %(email)s, %(phone)s, %(email_verified_at)s, %(email_verified_via)s,
                %(phone_verified_at)s, %(verified)s, %(locale)s, %(at)s, 'register', %(at)s, %(at)s)
            RETURNING id, uid
        ), author AS (
            INSERT INTO identity.authors (user_id, username, username_raw, name, invitation_id, invitation_id_owned,
                created_at, updated_at)
            SELECT id, %(username)s::text, %(username)s::text, %(display_name)s, %(invited_by)s, %(invitation_code)s, %(at)s, %(at)s
            FROM account
        ), profile AS (
            INSERT INTO identity.user_profiles (uid, created_at, updated_at) SELECT uid, %(at)s, %(at)s FROM account
        ), credentials AS (
            INSERT INTO identity.user_auth (uid, password_hash, password_changed_at, created_at, updated_at)
            SELECT uid, %(password_hash)s, %(at)s, %(at)s, %(at)s FROM account
        ), role AS (
            INSERT INTO identity.user_roles (uid, role, granted_at) SELECT uid, 'user', %(at)s FROM account
        ), consent AS (
            INSERT INTO identity.user_consents (uid, kind, granted, version, ip, at)
            SELECT uid, 'terms', true, '1', %(ip)s, %(at)s FROM account
        ), device AS (
            INSERT INTO identity.user_devices (device_id, uid, device_type, app_version, first_seen_at, last_seen_at)
            SELECT %(device_id)s::text, uid, %(device_type)s, %(app_version)s, %(at)s, %(at)s FROM account
            WHERE %(device_id)s::text IS NOT NULL
        )
        SELECT uid FROM account
        """,
        {
            "username": new.username,
            "email": new.email,
            "phone": new.phone,
            "email_verified_at": new.at if new.verified and new.email else None,
            "email_verified_via": "code" if new.verified and new.email else None,
            "phone_verified_at": new.at if new.verified and new.phone else None,
            "verified": new.verified,
            "display_name": new.display_name,
            "password_hash": new.password_hash,
            "invitation_code": new.invitation_code,
            "invited_by": new.invited_by,
            "locale": new.locale,
            "at": new.at,
            "ip": new.client.ip,
            "device_id": new.client.device_id,
            "device_type": new.client.device_type,
            "app_version": new.client.app_version,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING of one row
    return int(row[0])


def credit_invitation(db: Connection, code: str, at: datetime) -> bool:
    """Count a newcomer: one more for the inviter, and for the group of everyone above; False for an unknown code."""
    return (
        db.execute(
            """
            WITH RECURSIVE above (id, parent, depth) AS (
                SELECT id, invitation_id, 0 FROM identity.authors WHERE invitation_id_owned = %(code)s
                UNION
                SELECT a.id, a.invitation_id, above.depth + 1
                FROM above JOIN identity.authors a ON a.invitation_id_owned = above.parent
                WHERE above.depth < 1000
            )
            UPDATE identity.authors a
            SET direct_invited_count = direct_invited_count + (above.depth = 0)::int,
                group_size = group_size + 1, updated_at = %(at)s
            FROM above WHERE a.id = above.id
            """,
            {"code": code, "at": at},
        ).rowcount
        > 0
    )


def is_device_banned(db: Connection, device_id: str, at: datetime) -> bool:
    """Whether a device may not be used now."""
    row = db.execute(
        """
        SELECT 1 FROM identity.device_bans
        WHERE device_id = %s AND (ban_end_time IS NULL OR ban_end_time > %s)
        """,
        (device_id, at),
    ).fetchone()
    return row is not None


def find_uid(db: Connection, email: str) -> int | None:
    """The account of an address in lower case, whoever proved it; None when there is none."""
    row = db.execute("SELECT uid FROM identity.users WHERE lower(email) = %s AND status <> 'deleted'", (email,)).fetchone()
    return int(row[0]) if row else None


def note_login(
    db: Connection,
    uid: int,
    method: str,
    client: Client,
    at: datetime,
    *,
    password_hash: str | None = None,
    recent_addresses: Mapping[str, int] | None = None,
) -> None:
    """Signed in: forget failures, remember when, how and on which device.

    `password_hash` replaces an outdated one of the password that was just proved.
    """
    db.execute(
        """
        WITH credentials AS (
            UPDATE identity.user_auth SET failed_count = 0, failures_since = NULL, locked_until = NULL, lock_level = 0,
                password_hash = coalesce(%(password_hash)s, password_hash),
                recent_addresses = coalesce(%(recent_addresses)s, recent_addresses)
            WHERE uid = %(uid)s
        ), device AS (
            INSERT INTO identity.user_devices AS known
                (device_id, uid, device_type, app_version, first_seen_at, last_seen_at)
            SELECT %(device_id)s::text, %(uid)s, %(device_type)s, %(app_version)s, %(at)s, %(at)s
            WHERE %(device_id)s::text IS NOT NULL
            ON CONFLICT (device_id, uid) DO UPDATE SET last_seen_at = excluded.last_seen_at,
                device_type = coalesce(excluded.device_type, known.device_type),
                app_version = coalesce(excluded.app_version, known.app_version)
        )
        UPDATE identity.users SET last_login_at = %(at)s, last_login_method = %(method)s, updated_at = %(at)s
        WHERE uid = %(uid)s
        """,
        {
            "uid": uid,
            "method": method,
            "at": at,
            "device_id": client.device_id,
            "device_type": client.device_type,
            "app_version": client.app_version,
            "password_hash": password_hash,
            "recent_addresses": None if recent_addresses is None else Jsonb(recent_addresses),
        },
    )


def bind_email(db: Connection, uid: int, email: str, at: datetime) -> None:
    """Set the account's address, proved by a code. Raises UniqueViolation when another account has it."""
    db.execute(
        """
        UPDATE identity.users SET email = %(email)s, email_verified_at = %(at)s, email_verified_via = 'code',
            is_verified = true, updated_at = %(at)s
        WHERE uid = %(uid)s
        """,
        {"uid": uid, "email": email, "at": at},
    )


def bind_phone(db: Connection, uid: int, phone: str, at: datetime) -> None:
    """Set the account's number, proved by a code. Raises UniqueViolation when another account has it."""
    db.execute(
        """
        UPDATE identity.users SET phone_number = %(phone)s, phone_verified_at = %(at)s, is_verified = true,
            updated_at = %(at)s
        WHERE uid = %(uid)s
        """,
        {"uid": uid, "phone": phone, "at": at},
    )


def find_person(db: Connection, uid: int) -> Person | None:
    """An account as its owner sees it, in one statement. What an operator was granted until now, counts no more."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT u.uid AS user_id, u.username, a.name AS display_name, a.avatar AS avatar_url,
                   a.description AS bio, a.location, p.is_creator, p.identity_status = 'approved' AS identity_verified,
                   p.followers_count, p.following_count, p.contents_count, a.likes_count,
                   a.pins::bigint[] AS pins, u.created_at,
                   u.id, u.email, u.phone_number AS phone, u.email_verified_at IS NOT NULL AS email_verified,
                   u.phone_verified_at IS NOT NULL AS phone_verified, u.status,
                   ARRAY(SELECT role FROM identity.user_roles WHERE uid = u.uid ORDER BY role)
                       || CASE WHEN s.is_active THEN ARRAY[s.role] ELSE '{}' END AS roles,
                   a.dedication, a.country, a.language, a.education, a.birthday, a.gender, u.region,
                   u.preferred_languages, u.locale, u.timezone, u.currency, u.wallet_address, u.membership_level,
                   u.membership_expires_at, p.identity_status,
                   coalesce((SELECT v.status FROM identity.user_verifications v
                             WHERE v.uid = u.uid AND v.kind = 'creator' ORDER BY verification_id DESC LIMIT 1),
                            'none') AS creator_status,
                   a.invitation_id_owned AS invitation_code, a.direct_invited_count, a.group_size, a.group_grade,
                   a.vip_code, u.last_login_at, u.last_login_method, u.delete_at,
                   c.token_epoch, c.single_session, u.ban_reason, u.ban_end_time,
                   s.id AS admin_id, s.role AS staff_role, s.department, s.is_active AS staff_active,
                   s.expires_at AS staff_expires_at, s.permissions_expire_at,
                   coalesce(r.permissions, '[]') || coalesce(s.permissions, '[]') AS staff_permissions
            FROM identity.users u
            JOIN identity.authors a ON a.user_id = u.id
            JOIN identity.user_profiles p ON p.uid = u.uid
            JOIN identity.user_auth c ON c.uid = u.uid
            LEFT JOIN (
                SELECT user_id, id, role, department, expires_at, permissions_expire_at,
                       is_active AND (expires_at IS NULL OR expires_at > %(now)s) AS is_active,
                       CASE WHEN permissions_expire_at <= %(now)s THEN '[]' ELSE permissions END AS permissions
                FROM admin.admins WHERE removed_at IS NULL
            ) s ON s.user_id = u.uid
            LEFT JOIN admin.admin_roles r ON r.role = s.role
            WHERE u.uid = %(uid)s AND u.status <> 'deleted'
            """,
            {"uid": uid, "now": clock.now()},
        ).fetchone()
    return _person(row) if row else None


def show_membership(
    db: Connection, uid: int, *, level: str, expires_at: datetime | None, version: int, at: datetime
) -> None:
    """Store what membership an account has, unless something newer is known."""
    db.execute(
        """
        UPDATE identity.users SET membership_level = %(level)s, membership_expires_at = %(expires_at)s,
            membership_version = %(version)s, updated_at = %(at)s
        WHERE uid = %(uid)s AND membership_version < %(version)s
        """,
        {"uid": uid, "level": level, "expires_at": expires_at, "version": version, "at": at},
    )


def _person(row: dict[str, Any]) -> Person:
    token_epoch, single_session, ban_reason, ban_end_time, admin_id, role, permissions, department, active, *ends = (
        row.pop(name) for name in _NOT_OF_THE_PROFILE
    )
    row["phone"] = mask_phone(row["phone"]) if row["phone"] else None
    staff = Staff(admin_id, role, tuple(dict.fromkeys(permissions)), department, active, *ends) if admin_id else None
    return Person(row["user_id"], row, token_epoch, single_session, ban_reason, ban_end_time, staff)
