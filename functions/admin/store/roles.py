"""Permissions and roles in SQL."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from functions.admin.models import Permission, Role
from shared.i18n import Locale
from shared.sql.connection import Connection


def catalogue(db: Connection) -> list[str]:
    """Every point there is (rules.md §2)."""
    return [row[0] for row in db.execute("SELECT permission FROM admin.permissions ORDER BY position").fetchall()]


def described(db: Connection, locale: Locale) -> list[Permission]:
    """The catalogue in one language."""
    column = sql.Identifier("description_en" if locale == "en" else "description_zh")
    with db.cursor(row_factory=class_row(Permission)) as cursor:
        return cursor.execute(
            sql.SQL("SELECT permission, category, {} AS description FROM admin.permissions ORDER BY position").format(column)
        ).fetchall()


def matrix(db: Connection) -> list[dict[str, Any]]:
    """Every role with how many operators hold it, the builtin ones first."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT r.role, r.permissions, r.builtin, count(a.id)::int AS admins
            FROM admin.admin_roles r LEFT JOIN admin.admins a ON a.role = r.role
            GROUP BY r.role ORDER BY r.builtin DESC, r.role
            """
        ).fetchall()


def lock_to_change(db: Connection, role: str) -> Role | None:
    """A role, until the transaction ends: nobody else changes it, and nobody is given it meanwhile."""
    with db.cursor(row_factory=class_row(Role)) as cursor:
        return cursor.execute(
            "SELECT role, permissions, builtin FROM admin.admin_roles WHERE role = %s FOR UPDATE", (role,)
        ).fetchone()


def lock_to_grant(db: Connection, role: str) -> Role | None:
    """A role, until the transaction ends: what is granted is what was looked at."""
    with db.cursor(row_factory=class_row(Role)) as cursor:
        return cursor.execute(
            "SELECT role, permissions, builtin FROM admin.admin_roles WHERE role = %s FOR SHARE", (role,)
        ).fetchone()


def insert(db: Connection, role: str, description: str, permissions: Sequence[str]) -> bool:
    """Store a custom role; False when the name is taken."""
    return (
        db.execute(
            """
            INSERT INTO admin.admin_roles (role, description, permissions, builtin) VALUES (%s, %s, %s, false)
            ON CONFLICT (role) DO NOTHING
            """,
            (role, description, Jsonb(list(permissions))),
        ).rowcount
        == 1
    )


def update(db: Connection, role: str, permissions: Sequence[str]) -> None:
    """Replace what a role holds."""
    db.execute("UPDATE admin.admin_roles SET permissions = %s WHERE role = %s", (Jsonb(list(permissions)), role))


def holders(db: Connection, role: str) -> int:
    """How many operators have the role, active or not; removed ones have none."""
    row = db.execute("SELECT count(*) FROM admin.admins WHERE role = %s", (role,)).fetchone()
    return int(row[0]) if row else 0


def delete(db: Connection, role: str) -> None:
    """Take a role away that nobody holds."""
    db.execute("DELETE FROM admin.admin_roles WHERE role = %s", (role,))
