"""Operators at once: of two who want one name one gets it, of two changes both are told, of two workers none repeats."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest

from functions.identity.errors import EmailTaken, UserNotFound
from functions.identity.schemas.desk import NewUserIn, UserChange
from functions.identity.service import bulk_updates, desk_changes
from functions.identity.store import bulk_updates as bulk_store
from functions.identity.store import user_counts
from functions.identity.store.bulk_updates import BulkUpdate
from shared import clock
from shared.caller import Caller
from shared.errors import Refusal
from shared.http.context import RequestContext
from shared.sql.connection import Connection, connect
from tests.identity.desk import OPS, office, overlapping, owner_sql, person

OPERATOR = Caller(OPS, "s", "staff", (), ("*",), "en")
CONTEXT = RequestContext("r", "en", "203.0.113.9", "Console", "POST", "/")
ANN = 200001
WORKERS = 8


def at_once(dsn: str, work: Callable[[Connection, int], Any], count: int = WORKERS) -> list[Any]:
    """Everybody's result, or the refusal they got; each in a transaction of their own, all let go together."""
    start = Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        with connect(dsn) as db:
            start.wait()
            try:
                with db.transaction():
                    results[number] = work(db, number)
            except Refusal as refusal:
                results[number] = refusal

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def sql(fresh_database) -> Any:
    return owner_sql(fresh_database())


def test_of_eight_who_open_an_account_with_one_address_one_does(fresh_database, sql, cloud) -> None:
    def work(db: Connection, number: int) -> Any:
        wanted = NewUserIn(email="One@example.com" if number % 2 else "one@example.com")
        return desk_changes.create(db, wanted, None, OPERATOR, CONTEXT)

    results = at_once(fresh_database("identity"), work)
    assert sum(isinstance(one, EmailTaken) for one in results) == WORKERS - 1
    assert sql("SELECT count(*) FROM identity.users") == [(1,)]
    assert sql("SELECT count(*) FROM admin.admin_operation_logs") == [(1,)]


def test_eight_changes_of_one_account_form_a_chain_of_before_and_after(fresh_database, sql, cloud) -> None:
    person(sql, ANN, "ann")

    def work(db: Connection, number: int) -> Any:
        return desk_changes.change(db, ANN, UserChange(display_name=f"name {number}"), OPERATOR, CONTEXT)

    at_once(fresh_database("identity"), work)
    steps = [
        (d["before"]["display_name"], d["after"]["display_name"])
        for (d,) in sql("SELECT details FROM admin.admin_operation_logs")
    ]
    chain = dict(steps)
    assert len(chain) == WORKERS
    name, walked = "Ann", 0
    while name in chain:
        name, walked = chain[name], walked + 1
    assert walked == WORKERS, "each saw what the one before left"
    assert sql("SELECT name FROM identity.authors") == [(name,)]


def test_of_eight_who_take_one_address_for_their_account_one_does(fresh_database, sql, cloud) -> None:
    for number in range(WORKERS):
        person(sql, ANN + number, f"user{number}")

    def work(db: Connection, number: int) -> Any:
        return desk_changes.change(db, ANN + number, UserChange(email="one@example.com"), OPERATOR, CONTEXT)

    results = at_once(fresh_database("identity"), work)
    assert sum(isinstance(one, EmailTaken) for one in results) == WORKERS - 1


def test_of_eight_who_delete_one_account_one_does(fresh_database, sql, cloud) -> None:
    person(sql, ANN, "ann")

    def work(db: Connection, _: int) -> str:
        desk_changes.remove(db, ANN, "spam", OPERATOR, CONTEXT)
        return "deleted"

    results = at_once(fresh_database("identity"), work)
    assert results.count("deleted") == 1
    assert sum(isinstance(one, UserNotFound) for one in results) == WORKERS - 1
    assert sql("SELECT count(*) FROM identity.deletion_requests") == [(1,)]


def test_two_super_admins_who_switch_each_other_off_leave_one(fresh_database, sql, cloud) -> None:
    for number in range(2):
        office(sql, person(sql, ANN + number, f"root{number}"), "super_admin")

    def work(db: Connection, number: int) -> Any:
        return desk_changes.change(db, ANN + 1 - number, UserChange(is_active=False), OPERATOR, CONTEXT)

    results = at_once(fresh_database("identity"), work, 2)
    assert sorted(getattr(one, "error", "done") for one in results) == ["done", "last_super_admin"]
    assert sql("SELECT count(*) FROM identity.users WHERE is_active") == [(1,)]


def test_two_workers_on_one_change_repeat_nothing(fresh_database, sql, cloud, monkeypatch) -> None:
    monkeypatch.setattr(bulk_updates, "CHUNK", 3)
    ids = [person(sql, ANN + number, f"user{number:02}") for number in range(30)]
    bulk = BulkUpdate(
        "job", OPS, "203.0.113.9", "Console", ids, None, {"is_active": False}, False, 30, ids[-1], 0, 0, 0, None
    )
    dsn = fresh_database("identity")
    with connect(dsn) as db:
        bulk_store.insert(db, bulk, clock.now())

    start = Barrier(4)

    def work() -> None:
        with connect(dsn) as db:
            start.wait()
            is_over = False
            while not is_over:
                with db.transaction():
                    bulk = bulk_updates.one_chunk(db, "job")
                is_over = bulk is None or bulk.finished_at is not None

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sql("SELECT updated, failed FROM identity.bulk_updates") == [(30, 0)]
    assert sql("SELECT DISTINCT token_epoch FROM identity.user_auth") == [(2,)]
    told = [
        one["user_id"] for (d,) in sql("SELECT details FROM admin.admin_operation_logs ORDER BY id") for one in d["before"]
    ]
    assert sorted(told) == ids


USERNAME = "UPDATE identity.users SET username = 'fresh' WHERE uid = 200001"
NAME = "UPDATE identity.authors SET name = 'Anew'"
DELETED = "UPDATE identity.users SET status = 'deleted' WHERE uid = 200001"
CERTIFIED = "UPDATE identity.user_profiles SET is_creator = true, identity_status = 'approved' WHERE uid = 200001"


@pytest.mark.parametrize(("first", "second"), [(USERNAME, NAME), (NAME, USERNAME)])
def test_two_names_changed_at_once_are_both_found(fresh_database, sql, first: str, second: str) -> None:
    person(sql, ANN, "ann")
    overlapping(fresh_database(), first, second)
    assert sql("SELECT names FROM identity.user_search") == [("fresh\nanew",)]


@pytest.mark.parametrize(("first", "second"), [(DELETED, CERTIFIED), (CERTIFIED, DELETED)])
def test_an_account_certified_while_it_is_deleted_is_counted_nowhere(fresh_database, sql, first: str, second: str) -> None:
    person(sql, ANN, "ann")
    overlapping(fresh_database(), first, second)
    with connect(fresh_database("identity")) as db:
        found = user_counts.totals(db)
    assert (found["total"], found["verified"], found["creators"]) == (0, 0, 0)
