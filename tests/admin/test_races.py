"""At the same moment, each on its own connection: the house stays governable, and every record tells the truth."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.admin.errors import AlreadyStaff, LastSuperAdmin, RoleExists, RoleInUse, RoleNotFound
from functions.admin.schemas.permissions import RoleIn
from functions.admin.schemas.settings import SettingIn
from functions.admin.schemas.staff import AdminChangeIn, AdminIn
from functions.admin.service import operators, roles, settings
from functions.admin.store import operators as store
from shared import clock
from shared.caller import Caller
from shared.dynamo import edge
from shared.errors import PermissionDenied, Refusal
from shared.http.context import RequestContext
from shared.sql.connection import Connection, connect
from tests.fixtures.people import make_user

CROWD = 8
CONTEXT = RequestContext("r", "en", "203.0.113.7", "tests", "PUT", "/api/v1/admin")
Verb = Callable[[Connection], Any]


class Town:
    """A database that keeps what is committed."""

    def __init__(self, dsn: Callable[..., str]) -> None:
        self.dsn = dsn
        self.owner = psycopg.connect(dsn(), autocommit=True)

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = self.owner.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def appoint(self, uid: int, role: str) -> int:
        make_user(self.sql, uid, f"user{uid}")
        return int(self.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, %s) RETURNING id", (uid, role))[0][0])

    def at_once(self, *verbs: Verb) -> list[Any]:
        """Run each in a transaction of its own, all at the same moment; results, or the kinds of refusals."""
        barrier = Barrier(len(verbs))

        def one(verb: Verb) -> Any:
            with connect(self.dsn("admin")) as db:
                barrier.wait()
                try:
                    with db.transaction():
                        return verb(db)
                except Refusal as refusal:
                    return type(refusal)

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))


@pytest.fixture
def town(fresh_database: Callable[..., str]) -> Iterator[Town]:
    town = Town(fresh_database)
    yield town
    town.owner.close()


def by(uid: int) -> Caller:
    return Caller(uid, "s", "staff", (), ("*",), "en")


def removal(uid: int, admin_id: int, db: Connection) -> None:
    operators.remove(db, by(uid), CONTEXT, admin_id)


def appointment(wanted: AdminIn, db: Connection) -> str:
    return operators.appoint(db, by(100001), CONTEXT, wanted).role


def test_two_super_admins_who_remove_each_other_leave_one(town: Town) -> None:
    for pair in range(CROWD):
        a, b = 100001 + 2 * pair, 100002 + 2 * pair
        ids = {uid: town.appoint(uid, "super_admin") for uid in (a, b)}
        results = town.at_once(
            partial(removal, a, ids[b]),
            partial(removal, b, ids[a]),
        )
        assert sorted(str(result) for result in results) == sorted([str(None), str(PermissionDenied)])
        [(left,)] = town.sql("SELECT count(*) FROM admin.admins WHERE role = 'super_admin' AND is_active")
        assert left == 1
        town.sql("UPDATE admin.admins SET role = 'observer' WHERE role = 'super_admin'")


def test_super_admins_who_all_step_down_at_once_leave_one(town: Town) -> None:
    ids = {uid: town.appoint(uid, "super_admin") for uid in range(100001, 100001 + CROWD)}
    down = AdminChangeIn(role="observer")
    results = town.at_once(*[lambda db, uid=uid: operators.change(db, by(uid), CONTEXT, ids[uid], down).role for uid in ids])
    assert sorted(str(one) for one in results) == sorted([str(LastSuperAdmin), *["observer"] * (CROWD - 1)])
    assert town.sql("SELECT count(*) FROM admin.admins WHERE role = 'super_admin' AND is_active") == [(1,)]


def test_a_user_is_made_staff_once(town: Town) -> None:
    town.appoint(100001, "super_admin")
    make_user(town.sql, 100020, "ann")
    wanted = AdminIn(user_id=100020, role="support")
    results = town.at_once(*[lambda db: operators.appoint(db, by(100001), CONTEXT, wanted).role for _ in range(CROWD)])
    assert sorted(str(one) for one in results) == sorted(["support", *[str(AlreadyStaff)] * (CROWD - 1)])
    assert town.sql("SELECT count(*) FROM admin.admin_operation_logs WHERE operation = 'admin.create'") == [(1,)]


def test_a_role_is_made_once(town: Town) -> None:
    town.appoint(100001, "super_admin")
    wanted = RoleIn(role="night_watch", permissions=["log:read"])
    results = town.at_once(*[lambda db: roles.create(db, by(100001), CONTEXT, wanted).role for _ in range(CROWD)])
    assert sorted(str(one) for one in results) == sorted(["night_watch", *[str(RoleExists)] * (CROWD - 1)])


def test_a_role_is_either_deleted_or_given_never_both(town: Town) -> None:
    town.appoint(100001, "super_admin")
    for turn in range(CROWD):
        make_user(town.sql, 100020 + turn, f"ann{turn}")
        town.sql("INSERT INTO admin.admin_roles VALUES ('fleeting', '', %s, false)", (Jsonb(["log:read"]),))
        wanted = AdminIn(user_id=100020 + turn, role="fleeting")
        given, deleted = town.at_once(
            partial(appointment, wanted),
            lambda db: roles.delete(db, by(100001), CONTEXT, "fleeting"),
        )
        assert (given, deleted) in {("fleeting", RoleInUse), (RoleNotFound, None)}
        town.sql("UPDATE admin.admins SET role = 'observer' WHERE role = 'fleeting'")
        town.sql("DELETE FROM admin.admin_roles WHERE role = 'fleeting'")


def test_records_of_changes_at_once_form_one_history(town: Town) -> None:
    town.appoint(100001, "super_admin")
    results = town.at_once(
        *[
            lambda db, n=n: (
                settings.change(db, by(100001), CONTEXT, [SettingIn(key="auth.max_failures", value=10 + n)])[0].value
            )
            for n in range(CROWD)
        ]
    )
    assert sorted(results) == list(range(10, 10 + CROWD))
    rows = town.sql("SELECT details FROM admin.admin_operation_logs WHERE operation = 'settings.change' ORDER BY id")
    values = [(d["before"]["auth.max_failures"], d["after"]["auth.max_failures"]) for (d,) in rows]
    assert values[0][0] == 5
    assert all(before == earlier for (_, earlier), (before, _) in pairwise(values))
    assert town.sql("SELECT value FROM admin.system_settings") == [(values[-1][1],)]


def test_the_copy_published_last_is_of_the_settings_committed_last(town: Town, cloud: None) -> None:
    town.appoint(100001, "super_admin")

    def change_and_publish(db: Connection, value: int) -> None:
        settings.change(db, by(100001), CONTEXT, [SettingIn(key="rate_limits.user_per_minute", value=value)])
        settings.publish(db)

    town.at_once(*[lambda db, n=n: change_and_publish(db, 100 + n) for n in range(CROWD)])
    edge.forget()
    [(stored,)] = town.sql("SELECT value FROM admin.system_settings")
    assert edge.in_force() == {"rate_limits.user_per_minute": stored}


def test_an_expiry_is_taken_by_one_of_eight(town: Town) -> None:
    now = clock.now()
    for uid in range(100001, 100021):
        town.appoint(uid, "support")
    town.sql("UPDATE admin.admins SET expires_at = %s", (now,))
    results = town.at_once(*[lambda db: store.take_expired(db, now, 100) for _ in range(CROWD)])
    assert sorted(uid for taken in results for uid in taken) == list(range(100001, 100021))


@pytest.mark.parametrize("verb", ["appoint", "change", "remove", "set_permissions", "create_role", "settings"])
def test_a_crash_before_the_commit_leaves_neither_change_nor_record_and_a_second_try_works(town: Town, verb: str) -> None:
    class Crash(BaseException):
        pass

    town.appoint(100001, "super_admin")
    admin_id = town.appoint(100002, "support")
    make_user(town.sql, 100020, "ann")
    verbs: dict[str, Verb] = {
        "appoint": lambda db: operators.appoint(db, by(100001), CONTEXT, AdminIn(user_id=100020, role="support")),
        "change": lambda db: operators.change(db, by(100001), CONTEXT, admin_id, AdminChangeIn(role="observer")),
        "remove": lambda db: operators.remove(db, by(100001), CONTEXT, admin_id),
        "set_permissions": lambda db: roles.set_permissions(db, by(100001), CONTEXT, "support", ["log:read"]),
        "create_role": lambda db: roles.create(db, by(100001), CONTEXT, RoleIn(role="night", permissions=[])),
        "settings": lambda db: settings.change(db, by(100001), CONTEXT, [SettingIn(key="auth.max_failures", value=9)]),
    }

    def state() -> list[list[tuple[Any, ...]]]:
        return [
            town.sql("SELECT user_id, role, is_active FROM admin.admins ORDER BY id"),
            town.sql("SELECT role, permissions FROM admin.admin_roles ORDER BY role"),
            town.sql("SELECT key, value FROM admin.system_settings"),
            town.sql("SELECT operation FROM admin.admin_operation_logs"),
        ]

    before = state()

    def dies(db: Connection) -> None:
        with db.transaction():
            verbs[verb](db)
            raise Crash

    with connect(town.dsn("admin")) as db, pytest.raises(Crash):
        dies(db)
    assert state() == before
    town.at_once(verbs[verb])
    after = state()
    assert after[:3] != before[:3]
    assert len(after[3]) == len(before[3]) + 1
