"""Accounts and operators for the tests of the user desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from shared.sql import connection as house_connection
from tests.fixtures.people import make_user

OPS, ROOT = 99001, 99002
"""Below the numbers that the database gives."""
MANAGER = ("user:read", "user:write", "user:manage")


def person(sql: Any, uid: int, username: str, **columns: Any) -> int:
    """An account with credentials; keyword arguments are columns of identity.users."""
    make_user(sql, uid, username)
    sql("INSERT INTO identity.user_auth (uid, password_changed_at) VALUES (%s, now())", (uid,))
    sql("INSERT INTO identity.user_roles (uid, role, granted_at) VALUES (%s, 'user', now())", (uid,))
    for name, value in columns.items():
        sql(
            psycopg.sql.SQL("UPDATE identity.users SET {} = %s WHERE uid = %s").format(psycopg.sql.Identifier(name)),
            (value, uid),
        )
    return uid


def office(sql: Any, uid: int, role: str) -> None:
    """Appoint somebody."""
    sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, %s)", (uid, role))


def audited(house: Any, operation: str) -> list[dict[str, Any]]:
    """The details of every audit row of an operation."""
    rows = house.sql("SELECT details FROM admin.admin_operation_logs WHERE operation = %s ORDER BY id", (operation,))
    return [row[0] for row in rows]


def owner_sql(dsn: str) -> Any:
    """`sql(...)` as the owner of a database that keeps what is done to it."""

    def run(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(dsn, autocommit=True) as db:
            cursor = db.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


@contextmanager
def serving(db: Any) -> Iterator[Any]:
    """Let the code under test use this connection."""
    house_connection.use(db)
    try:
        yield db
    finally:
        house_connection.use(None)
