"""Accounts changed by operators: one locked and rewritten, many closed at once, roles given and taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from functions.identity.store import life
from shared.ids import new_ulid
from shared.sql.connection import Connection

CREATOR, USER, SUPER_ADMIN = "creator", "user", "super_admin"


@dataclass(frozen=True, slots=True)
class Target:
    """What an operator may change of an account. `staff_role` is None for everybody who holds no office."""

    uid: int
    status: str
    is_active: bool
    membership_level: str
    membership_expires_at: datetime | None
    display_name: str
    email: str | None
    phone: str | None
    account_roles: list[str]
    staff_role: str | None

    @property
    def roles(self) -> set[str]:
        """Account roles and the office."""
        return {*self.account_roles, *([self.staff_role] if self.staff_role else [])}


@dataclass(frozen=True, slots=True)
class Opening:
    """An account as an operator opens it; without a password its owner sets one by a code."""

    username: str
    email: str | None
    phone: str | None
    display_name: str
    password_hash: str | None
    invitation_code: str
    membership_level: str
    is_virtual: bool
    is_creator: bool
    staff_role: str | None
    operator_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Removable:
    """What decides whether an account may be deleted."""

    uid: int
    status: str
    is_staff: bool
    owes: bool


def lock_target(db: Connection, uid: int) -> Target | None:
    """Lock an account as a login does, credentials first, and read it; None when there is none (any more)."""
    if life.lock(db, uid) in {None, "deleted"}:
        return None
    with db.cursor(row_factory=class_row(Target)) as cursor:
        return cursor.execute(
            """
            SELECT u.uid, u.status, u.is_active, u.membership_level, u.membership_expires_at, a.name AS display_name, u.email,
                   u.phone_number AS phone,
                   ARRAY(SELECT role FROM identity.user_roles WHERE uid = u.uid ORDER BY role) AS account_roles,
                   (SELECT s.role FROM admin.admins s WHERE s.user_id = u.uid AND s.is_active) AS staff_role
            FROM identity.users u JOIN identity.authors a ON a.user_id = u.id WHERE u.uid = %s
            """,
            (uid,),
        ).fetchone()


def rewrite(db: Connection, after: Target, at: datetime) -> None:
    """Store what changed of a locked account. A new address or number is unproved.

    Raises UniqueViolation naming the index when somebody else has it.
    """
    db.execute(
        """
        WITH author AS (
            UPDATE identity.authors a SET name = %(display_name)s::text, updated_at = %(at)s
            FROM identity.users u WHERE u.id = a.user_id AND u.uid = %(uid)s AND a.name <> %(display_name)s::text
        )
        UPDATE identity.users SET status = %(status)s, is_active = %(is_active)s, membership_level = %(membership_level)s,
            membership_expires_at = %(membership_expires_at)s, email = %(email)s::text, phone_number = %(phone)s::text,
            email_verified_at = CASE WHEN email IS NOT DISTINCT FROM %(email)s::text THEN email_verified_at END,
            email_verified_via = CASE WHEN email IS NOT DISTINCT FROM %(email)s::text THEN email_verified_via END,
            phone_verified_at = CASE WHEN phone_number IS NOT DISTINCT FROM %(phone)s::text THEN phone_verified_at END,
            is_verified = (email IS NOT DISTINCT FROM %(email)s::text AND email_verified_at IS NOT NULL)
                OR (phone_number IS NOT DISTINCT FROM %(phone)s::text AND phone_verified_at IS NOT NULL),
            updated_at = %(at)s
        WHERE uid = %(uid)s
        """,
        {
            "uid": after.uid,
            "status": after.status,
            "is_active": after.is_active,
            "membership_level": after.membership_level,
            "membership_expires_at": after.membership_expires_at,
            "display_name": after.display_name,
            "email": after.email,
            "phone": after.phone,
            "at": at,
        },
    )


def set_roles(
    db: Connection, uid: int, account_roles: Sequence[str], staff_role: str | None, *, by: int, at: datetime
) -> None:
    """Let an account hold exactly these roles. An office given up keeps its row, and with it the id that audits name."""
    is_creator = CREATOR in account_roles
    db.execute(
        """
        WITH taken AS (
            DELETE FROM identity.user_roles WHERE uid = %(uid)s AND role <> ALL(%(roles)s::text[])
        ), profile AS (
            UPDATE identity.user_profiles SET is_creator = %(is_creator)s, updated_at = %(at)s,
                creator_since = CASE WHEN %(is_creator)s THEN coalesce(creator_since, %(at)s) END
            WHERE uid = %(uid)s AND is_creator <> %(is_creator)s
        )
        INSERT INTO identity.user_roles (uid, role, granted_by, granted_at)
        SELECT %(uid)s, role, %(by)s, %(at)s FROM unnest(%(roles)s::text[]) role ON CONFLICT DO NOTHING
        """,
        {"uid": uid, "roles": list(account_roles), "is_creator": is_creator, "by": by, "at": at},
    )
    if staff_role is None:
        db.execute(
            """
            UPDATE admin.admins SET role = NULL, permissions = '[]', is_active = false, removed_at = %(at)s, updated_at = %(at)s
            WHERE user_id = %(uid)s AND removed_at IS NULL
            """,
            {"uid": uid, "at": at},
        )
        return
    db.execute(
        """
        INSERT INTO admin.admins AS office (user_id, role, created_by)
        VALUES (%(uid)s, %(role)s, (SELECT id FROM admin.admins WHERE user_id = %(by)s))
        ON CONFLICT ON CONSTRAINT admins_user DO UPDATE SET role = excluded.role, is_active = true, removed_at = NULL,
            permissions = '[]', permissions_expire_at = NULL, expires_at = NULL, updated_at = %(at)s
        WHERE office.role IS DISTINCT FROM excluded.role OR NOT office.is_active
        """,
        {"uid": uid, "role": staff_role, "by": by, "at": at},
    )


def role_permissions(db: Connection, roles: Sequence[str]) -> dict[str, list[str]]:
    """The permissions of those of these roles that exist."""
    rows = db.execute("SELECT role, permissions FROM admin.admin_roles WHERE role = ANY(%s)", (list(roles),)).fetchall()
    return dict(rows)


def would_leave_no_super_admin(db: Connection, uid: int) -> bool:
    """Whether nobody would govern the house for good without this account. Two who ask at once ask one after the other."""
    db.execute("SELECT 1 FROM admin.admins WHERE role = %s AND is_active ORDER BY id FOR UPDATE", (SUPER_ADMIN,))
    row = db.execute(
        """
        SELECT bool_or(s.user_id = %(uid)s) AND NOT bool_or(s.user_id <> %(uid)s)
        FROM admin.admins s JOIN identity.users u ON u.uid = s.user_id
        WHERE s.role = 'super_admin' AND s.is_active AND s.expires_at IS NULL
          AND (u.uid = %(uid)s OR (u.is_active AND u.status = 'active'))
        """,
        {"uid": uid},
    ).fetchone()
    return bool(row and row[0])


def insert(db: Connection, new: Opening) -> int:
    """Store an account with everything that belongs to it; its uid. Raises UniqueViolation naming the index."""
    return int(
        db.execute(
            """
            WITH account AS (
                INSERT INTO identity.users (username, email, phone_number, membership_level, is_virtual, created_at, updated_at)
                VALUES (%(username)s::text, %(email)s, %(phone)s, %(membership_level)s, %(is_virtual)s, %(at)s, %(at)s)
                RETURNING id, uid
            ), author AS (
                INSERT INTO identity.authors (user_id, username, username_raw, name, invitation_id_owned, created_at, updated_at)
                SELECT id, %(username)s::text, %(username)s::text, %(display_name)s, %(invitation_code)s, %(at)s, %(at)s
                FROM account
            ), profile AS (
                INSERT INTO identity.user_profiles (uid, is_creator, creator_since, created_at, updated_at)
                SELECT uid, %(is_creator)s, CASE WHEN %(is_creator)s THEN %(at)s::timestamptz END, %(at)s, %(at)s FROM account
            ), credentials AS (
                INSERT INTO identity.user_auth (uid, password_hash, password_changed_at, created_at, updated_at)
                SELECT uid, %(password_hash)s, %(at)s, %(at)s, %(at)s FROM account
            ), roles AS (
                INSERT INTO identity.user_roles (uid, role, granted_by, granted_at)
                SELECT uid, role, %(operator_id)s, %(at)s FROM account, unnest(%(roles)s::text[]) role
            ), office AS (
                INSERT INTO admin.admins (user_id, role, created_by)
                SELECT uid, %(staff_role)s::text, (SELECT id FROM admin.admins WHERE user_id = %(operator_id)s) FROM account
                WHERE %(staff_role)s::text IS NOT NULL
            )
            SELECT uid FROM account
            """,
            {
                "username": new.username,
                "email": new.email,
                "phone": new.phone,
                "display_name": new.display_name,
                "password_hash": new.password_hash,
                "invitation_code": new.invitation_code,
                "membership_level": new.membership_level,
                "is_virtual": new.is_virtual,
                "is_creator": new.is_creator,
                "roles": [USER, CREATOR] if new.is_creator else [USER],
                "staff_role": new.staff_role,
                "operator_id": new.operator_id,
                "at": new.at,
            },
        ).fetchall()[0][0]
    )


def lock_removable(db: Connection, uids: Sequence[int]) -> list[Removable]:
    """Lock accounts in one order, credentials first, and read what decides whether they may go."""
    given = {"uids": list(uids)}
    db.execute("SELECT 1 FROM identity.user_auth WHERE uid = ANY(%(uids)s) ORDER BY uid FOR UPDATE", given)
    db.execute("SELECT 1 FROM identity.users WHERE uid = ANY(%(uids)s) ORDER BY uid FOR NO KEY UPDATE", given)
    with db.cursor(row_factory=class_row(Removable)) as cursor:
        return cursor.execute(
            """
            SELECT u.uid, u.status,
                   EXISTS (SELECT 1 FROM admin.admins s WHERE s.user_id = u.uid AND s.is_active) AS is_staff,
                   owing.creator_id IS NOT NULL AS owes
            FROM identity.users u LEFT JOIN (
                SELECT DISTINCT creator_id FROM finance.pub_balances
                WHERE creator_id = ANY(%(uids)s) AND (pending <> 0 OR available <> 0 OR frozen <> 0 OR credit <> 0)
            ) owing ON owing.creator_id = u.uid
            WHERE u.uid = ANY(%(uids)s) ORDER BY u.uid
            """,
            given,
        ).fetchall()


def close(db: Connection, uids: Sequence[int], reason: str, erase_at: datetime, at: datetime) -> list[tuple[str, int]]:
    """Close locked accounts; tokens are void. Each is erased at `erase_at`, unless its owner asked for that already.

    Returns the new requests to erase, as (request_id, uid).
    """
    given: dict[str, Any] = {
        "uids": list(uids),
        "requests": [new_ulid() for _ in uids],
        "reason": reason,
        "erase_at": erase_at,
        "at": at,
    }
    db.execute(
        """
        WITH credentials AS (
            UPDATE identity.user_auth SET token_epoch = token_epoch + 1, updated_at = %(at)s WHERE uid = ANY(%(uids)s)
        ), noted AS (
            INSERT INTO identity.account_changes (uid, change, reason, at)
            SELECT uid, 'deletion_requested', %(reason)s, %(at)s FROM unnest(%(uids)s::bigint[]) uid
        )
        UPDATE identity.users SET status = 'deleted', is_active = false, deleted_at = %(at)s, updated_at = %(at)s
        WHERE uid = ANY(%(uids)s)
        """,
        given,
    )
    return db.execute(
        """
        INSERT INTO identity.deletion_requests (request_id, uid, status, delete_at, created_at, updated_at)
        SELECT request_id, uid, 'waiting', %(erase_at)s, %(at)s, %(at)s
        FROM unnest(%(requests)s::text[], %(uids)s::bigint[]) AS asked (request_id, uid)
        ON CONFLICT DO NOTHING RETURNING request_id, uid
        """,
        given,
    ).fetchall()
