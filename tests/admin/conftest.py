"""Operators of every kind, and both functions of administration."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from functions.admin import http, staff
from tests.admin.audit import Archive, lock_the_bucket
from tests.fixtures.api import Api, Handler, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House

ROOT, OTHER = 100001, 100002


class Staff:
    """Appoints operators in SQL, as the table would hold them, and signs them in."""

    def __init__(self, house: House, sign_in: SignIn) -> None:
        self._house, self._sign_in = house, sign_in

    def user(self, uid: int) -> int:
        """An active user with an address."""
        make_user(self._house.sql, uid, f"user{uid}")
        self._house.sql("UPDATE identity.users SET email = %s WHERE uid = %s", (f"user{uid}@example.com", uid))
        self._house.sql(
            "INSERT INTO identity.user_auth (uid, password_hash, password_changed_at) VALUES (%s, 'x', now())", (uid,)
        )
        return uid

    def appoint(self, uid: int, role: str, *, permissions: tuple[str, ...] = (), **columns: Any) -> int:
        """An operator of a role; returns the admin id."""
        self.user(uid)
        [(admin_id,)] = self._house.sql(
            "INSERT INTO admin.admins (user_id, role, permissions) VALUES (%s, %s, %s) RETURNING id",
            (uid, role, Jsonb(list(permissions))),
        )
        for name, value in columns.items():
            self._house.sql(f"UPDATE admin.admins SET {name} = %s WHERE id = %s", (value, admin_id))
        return int(admin_id)

    def role(self, name: str, *permissions: str) -> None:
        """A custom role."""
        self._house.sql("INSERT INTO admin.admin_roles VALUES (%s, '', %s, false)", (name, Jsonb(list(permissions))))

    def token(self, uid: int) -> str:
        """A staff session with the permissions the table gives."""
        [(held,)] = self._house.sql(
            """
            SELECT r.permissions || a.permissions FROM admin.admins a JOIN admin.admin_roles r ON r.role = a.role
            WHERE a.user_id = %s
            """,
            (uid,),
        )
        return self._sign_in(uid, permissions=tuple(held))


@pytest.fixture
def people(house: House, sign_in: SignIn) -> Staff:
    return Staff(house, sign_in)


@pytest.fixture
def root(people: Staff) -> str:
    """The token of a super admin."""
    people.appoint(ROOT, "super_admin")
    return people.token(ROOT)


@pytest.fixture
def admin_api(api: Callable[[Handler, str], Api]) -> Api:
    return api(http.handler, "admin")


@pytest.fixture
def staff_api(api: Callable[[Handler, str], Api]) -> Api:
    return api(staff.handler, "admin")


def last_record(house: House) -> tuple[Any, ...]:
    """The newest audit record: operation, resource, id, details."""
    return house.sql(
        "SELECT operation, resource_type, resource_id, details FROM admin.admin_operation_logs ORDER BY id DESC LIMIT 1"
    )[0]


@pytest.fixture
def archive(cloud: None, fresh_database: Callable[..., str]) -> Iterator[Archive]:
    """Both audit logs on a database that commits, and their bucket under Object Lock."""
    lock_the_bucket()
    made = Archive(fresh_database)
    yield made
    made.close()
