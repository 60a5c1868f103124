"""Staff accounts in SQL. A removed operator keeps the row, for audit records name its id."""

from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.admin.models import SUPER_ADMIN, Grant, Operator
from functions.admin.schemas.staff import Admin
from shared.sql.connection import Connection
from shared.sql.listing import Listing

_HOLDS = "a.is_active AND (a.expires_at IS NULL OR a.expires_at > %(active_at)s)"
_ENDED = "NOT (a.is_active AND (a.expires_at IS NULL OR a.expires_at > %(ended_at)s))"

OPERATORS: Listing[Admin] = Listing(
    columns="""a.id AS admin_id, a.user_id, p.email, a.role, r.permissions AS role_permissions, a.permissions, a.department,
        a.is_active, a.expires_at, a.permissions_expire_at, a.created_at""",
    source="""admin.admins a JOIN admin.admin_roles r ON r.role = a.role
        JOIN identity.pub_staff_people p ON p.uid = a.user_id""",
    key=("admin_id", "a.id"),
    sorts={"created_at": "a.created_at", "admin_id": "a.id", "role": "a.role"},
    default_sort="created_at",
    filters={
        "role": "a.role = %(role)s",
        "department": "a.department = %(department)s",
        "active_at": _HOLDS,
        "ended_at": _ENDED,
    },
)


def lock(db: Connection) -> None:
    """One change of staff at a time, until the transaction ends: who counts the super admins counts them all."""
    db.execute("SELECT 1 FROM admin.admin_roles WHERE role = %s FOR UPDATE", (SUPER_ADMIN,))


def find(db: Connection, *, admin_id: int | None = None, user_id: int | None = None) -> Operator | None:
    """The staff account of an id, or of a user; None for one that was removed."""
    with db.cursor(row_factory=class_row(Operator)) as cursor:
        return cursor.execute(
            """
            SELECT a.id AS admin_id, a.user_id, p.email, a.role, r.permissions AS role_permissions, a.permissions,
                   a.department, a.is_active, a.expires_at, a.permissions_expire_at, a.created_at
            FROM admin.admins a JOIN admin.admin_roles r ON r.role = a.role
            JOIN identity.pub_staff_people p ON p.uid = a.user_id
            WHERE a.id = %(admin_id)s OR a.user_id = %(user_id)s
            """,
            {"admin_id": admin_id, "user_id": user_id},
        ).fetchone()


def email_of_active_user(db: Connection, uid: int) -> tuple[str | None] | None:
    """The address of a user who may become an operator; None when there is no such user, or not an active one."""
    row = db.execute("SELECT email FROM identity.pub_staff_people WHERE uid = %s AND status = 'active'", (uid,)).fetchone()
    return (row[0],) if row else None


def appoint(db: Connection, uid: int, grant: Grant, password_hash: str | None, *, by: int, at: datetime) -> int | None:
    """Make a user an operator and return the id; who was one before gets the old id back. None for who still is one."""
    row = db.execute(
        """
        INSERT INTO admin.admins AS known (user_id, role, permissions, department, is_active, expires_at,
            permissions_expire_at, staff_password_hash, created_by, created_at, updated_at)
        VALUES (%(uid)s, %(role)s, %(permissions)s, %(department)s, true, %(expires_at)s, %(permissions_expire_at)s,
            %(password_hash)s, %(by)s, %(at)s, %(at)s)
        ON CONFLICT ON CONSTRAINT admins_user DO UPDATE
        SET role = excluded.role, permissions = excluded.permissions, department = excluded.department, is_active = true,
            expires_at = excluded.expires_at, permissions_expire_at = excluded.permissions_expire_at,
            staff_password_hash = excluded.staff_password_hash, created_by = excluded.created_by,
            created_at = excluded.created_at, updated_at = excluded.updated_at, removed_at = NULL, last_login_ip = NULL
        WHERE known.removed_at IS NOT NULL
        RETURNING id
        """,
        {
            "uid": uid,
            "role": grant.role,
            "permissions": Jsonb(grant.permissions),
            "department": grant.department,
            "expires_at": grant.expires_at,
            "permissions_expire_at": grant.permissions_expire_at,
            "password_hash": password_hash,
            "by": by,
            "at": at,
        },
    ).fetchone()
    return int(row[0]) if row else None


def update(db: Connection, admin_id: int, grant: Grant, at: datetime) -> None:
    """Replace what an operator was given."""
    db.execute(
        """
        UPDATE admin.admins SET role = %s, permissions = %s, department = %s, is_active = %s, expires_at = %s,
            permissions_expire_at = %s, updated_at = %s
        WHERE id = %s
        """,
        (
            grant.role,
            Jsonb(grant.permissions),
            grant.department,
            grant.is_active,
            grant.expires_at,
            grant.permissions_expire_at,
            at,
            admin_id,
        ),
    )


def remove(db: Connection, admin_id: int, at: datetime) -> None:
    """Take everything away but the id."""
    db.execute(
        """
        UPDATE admin.admins SET role = NULL, permissions = '[]', is_active = false, expires_at = NULL,
            permissions_expire_at = NULL, staff_password_hash = NULL, removed_at = %(at)s, updated_at = %(at)s
        WHERE id = %(admin_id)s
        """,
        {"admin_id": admin_id, "at": at},
    )


def is_governable_without(db: Connection, admin_id: int) -> bool:
    """Whether another super admin without an expiry remains, whose account is in use."""
    row = db.execute(
        """
        SELECT 1 FROM admin.admins a JOIN identity.pub_staff_people p ON p.uid = a.user_id
        WHERE a.role = 'super_admin' AND a.is_active AND a.expires_at IS NULL AND p.status = 'active' AND a.id <> %s LIMIT 1
        """,
        (admin_id,),
    ).fetchone()
    return row is not None


def take_expired(db: Connection, at: datetime, limit: int) -> list[int]:
    """The users whose grants ended since somebody last said so, marked as told; two takers share no rows."""
    rows = db.execute(
        """
        UPDATE admin.admins SET expiry_told_at = %(at)s
        WHERE id IN (
            SELECT id FROM admin.admins
            WHERE (expires_at <= %(at)s AND expires_at > coalesce(expiry_told_at, '-infinity'))
               OR (permissions_expire_at <= %(at)s AND permissions_expire_at > coalesce(expiry_told_at, '-infinity'))
            ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING user_id
        """,
        {"at": at, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]
