"""Accounts and operators for the tests of the user desk."""

from threading import Thread
from typing import Any

import psycopg

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


def overlapping(dsn: str, first: str, second: str) -> None:
    """Two transactions: the second statement runs while the first one's is not committed, and waits for it if it must."""
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as two, psycopg.connect(dsn, autocommit=True) as watch:
        one.execute(first)
        waiter = Thread(target=two.execute, args=(second,))
        waiter.start()
        pid = two.info.backend_pid
        blocked = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while waiter.is_alive() and not watch.execute(blocked, (pid,)).fetchone():
            pass
        one.commit()
        waiter.join()
        two.commit()
