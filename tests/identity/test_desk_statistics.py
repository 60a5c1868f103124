"""Running totals of accounts: exact whatever happens to them, folded or not, cached and forgotten."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from functions.identity import fold_user_counts, users_desk
from functions.identity.store import user_counts
from shared import cache, clock
from shared.sql.connection import connect
from tests.fixtures.api import Api, Handler, SignIn
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT
from tests.identity.desk import MANAGER, OPS, owner_sql, person

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in Shanghai."""
COUNTED = """
    SELECT count(*) AS total, count(*) FILTER (WHERE u.status = 'active') AS active,
           count(*) FILTER (WHERE u.status = 'inactive') AS inactive, count(*) FILTER (WHERE u.status = 'banned') AS banned,
           count(*) FILTER (WHERE p.identity_status = 'approved') AS verified, count(*) FILTER (WHERE p.is_creator) AS creators,
           count(*) FILTER (WHERE u.membership_level = 'free') AS free,
           count(*) FILTER (WHERE u.membership_level = 'basic') AS basic,
           count(*) FILTER (WHERE u.membership_level = 'premium') AS premium,
           count(*) FILTER (WHERE u.membership_level = 'professional') AS professional
    FROM identity.users u JOIN identity.user_profiles p ON p.uid = u.uid WHERE u.status <> 'deleted'
"""


def truth(sql: Any) -> tuple[Any, ...]:
    return sql(COUNTED)[0]  # type: ignore[no-any-return]


def totals(db: Any) -> tuple[Any, ...]:
    found = user_counts.totals(db)
    found.pop("opened")
    return tuple(found.values())


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(house: House, sign_in: SignIn) -> str:
    person(house.sql, OPS, "operator", created_at=NOON - timedelta(days=400))
    return sign_in(OPS, permissions=MANAGER)


CHANGES = [
    "UPDATE identity.users SET status = 'banned' WHERE uid = 1",
    "UPDATE identity.users SET status = 'inactive', membership_level = 'premium' WHERE uid = 2",
    "UPDATE identity.user_profiles SET identity_status = 'approved' WHERE uid IN (1, 3)",
    "UPDATE identity.user_profiles SET is_creator = true WHERE uid IN (1, 2, 3)",
    "UPDATE identity.users SET status = 'deleted' WHERE uid = 1",
    "UPDATE identity.user_profiles SET is_creator = false, identity_status = 'none' WHERE uid = 1",
    "UPDATE identity.users SET membership_level = 'professional'",
    "UPDATE identity.users SET status = 'active' WHERE uid IN (1, 2)",
    "UPDATE identity.users SET status = 'pending_deletion' WHERE uid = 3",
    "UPDATE identity.user_profiles SET followers_count = 7",
    "UPDATE identity.users SET created_at = created_at - interval '3 days' WHERE uid = 4",
]


def test_totals_follow_every_change_and_folding_changes_none(house: House) -> None:
    for uid in range(1, 6):
        person(house.sql, uid, f"user{uid}")
    for number, change in enumerate(CHANGES):
        house.sql(change)
        expected = truth(house.sql)
        with house.acting("identity") as db:
            assert totals(db) == expected, change
        if number % 3 == 0:
            with house.acting("identity"):
                fold_user_counts.handler({}, CONTEXT)
            with house.acting("identity") as db:
                assert totals(db) == expected, f"{change}, folded"
    with house.acting("identity"):
        assert fold_user_counts.handler({}, CONTEXT)["done"] > 0
    assert house.sql("SELECT count(*) FROM identity.user_count_changes") == [(0,)]


def test_what_does_not_concern_the_totals_writes_nothing(house: House) -> None:
    person(house.sql, 1, "ann")
    before = house.sql("SELECT count(*) FROM identity.user_count_changes")
    house.sql("UPDATE identity.users SET last_login_at = now(), status = status, membership_level = membership_level")
    house.sql("UPDATE identity.user_profiles SET followers_count = 1, is_creator = is_creator")
    assert house.sql("SELECT count(*) FROM identity.user_count_changes") == before


def test_new_accounts_are_counted_by_days_in_shanghai(desk, token, house: House) -> None:
    for uid, opened in enumerate(
        [datetime(2026, 3, 1, 15, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC), NOON, NOON - timedelta(days=3)],
        1,
    ):
        person(house.sql, uid, f"user{uid}", created_at=opened)
    house.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = 3")
    with clock.frozen(NOON):
        data = desk.get(
            "/admin/users/statistics", token=token, query={"date_from": "2026-02-27", "date_to": "2026-03-03"}
        ).data
        assert data["new"] == [
            {"date": "2026-02-27", "count": 1},
            {"date": "2026-02-28", "count": 0},
            {"date": "2026-03-01", "count": 1},
            {"date": "2026-03-02", "count": 2},
            {"date": "2026-03-03", "count": 0},
        ]
        assert (data["total"], data["by_membership"]) == (4, {"free": 4, "basic": 0, "premium": 0, "professional": 0})
        usual = desk.get("/admin/users/statistics", token=token).data["new"]
        assert (len(usual), usual[0]["date"], usual[-1]["date"]) == (30, "2026-02-01", "2026-03-02")
        assert desk.get("/admin/users/list", token=token).data["statistics"]["new_today"] == 2


@pytest.mark.parametrize(
    "query",
    [
        {"date_from": "2026-03-02", "date_to": "2026-03-01"},
        {"date_from": "2025-01-01", "date_to": "2026-03-01"},
        {"date_from": "0001-01-01"},
        {"date_to": "0001-01-01"},
        {"date_from": "yesterday"},
    ],
)
def test_a_range_that_is_none_is_refused(desk, token, query) -> None:
    assert desk.get("/admin/users/statistics", token=token, query=query).error == (422, "validation_error")


@pytest.mark.parametrize("day", ["0001-02-01", "9999-12-31"])
def test_the_ends_of_time_are_only_days(desk, token, day) -> None:
    assert desk.get("/admin/users/statistics", token=token, query={"date_from": day, "date_to": day}).data["new"] == [
        {"date": day, "count": 0}
    ]


def test_totals_are_kept_for_five_minutes_in_memory_and_beyond_it(desk, token, house: House) -> None:
    with clock.frozen(NOON):
        assert desk.get("/admin/users/statistics", token=token).data["total"] == 1
        person(house.sql, 1, "ann")
        assert desk.get("/admin/users/statistics", token=token).data["total"] == 1
        assert statements(house, "identity", lambda: desk.get("/admin/users/statistics", token=token)) == 0
        cache.forget_memory()
        assert desk.get("/admin/users/statistics", token=token).data["total"] == 1, "another environment finds it stored"
        cache.forget_memory()
    with clock.frozen(NOON + timedelta(seconds=299)):
        assert desk.get("/admin/users/statistics", token=token).data["total"] == 1
        cache.forget_memory()
    with clock.frozen(NOON + timedelta(seconds=300)):
        assert desk.get("/admin/users/statistics", token=token).data["total"] == 2


def test_an_operator_sees_what_they_did_at_once(desk, token, house: House) -> None:
    assert desk.get("/admin/users/statistics", token=token).data["total"] == 1
    uid = desk.post("/admin/users", {"username": "newcomer"}, token=token).data["user_id"]
    assert desk.get("/admin/users/statistics", token=token).data["total"] == 2
    desk.put(f"/admin/users/{uid}", {"membership_level": "basic"}, token=token)
    assert desk.get("/admin/users/statistics", token=token).data["by_membership"]["basic"] == 1
    desk.delete(f"/admin/users/{uid}", query={"reason": "x"}, token=token)
    assert desk.get("/admin/users/statistics", token=token).data["total"] == 1


def test_what_was_read_before_a_change_is_not_kept_after_it(cloud) -> None:
    kept = cache.Cached("admin:user_stats:", 300)

    def slow() -> str:
        kept.forget("all")
        return "old"

    assert kept.get("all", slow) == "old"
    cache.forget_memory()
    assert kept.get("all", lambda: "new") == "new"
    cache.forget_memory()
    assert kept.get("all", lambda: "newer") == "new"


@pytest.mark.parametrize("folders", [1, 2])
def test_totals_are_exact_while_eight_write_and_others_fold(fresh_database, folders: int) -> None:
    dsn = fresh_database("identity")
    sql = owner_sql(fresh_database())
    for uid in range(1, 41):
        person(sql, uid, f"user{uid}")
    start = Barrier(8 + folders)
    wrong: list[str] = []

    def write(number: int) -> None:
        own = owner_sql(fresh_database())
        start.wait()
        for step in range(30):
            uid = (number * 7 + step * 3) % 40 + 1
            status = ("active", "banned", "deleted", "inactive")[(number + step) % 4]
            own("UPDATE identity.users SET status = %s WHERE uid = %s", (status, uid))
            own("UPDATE identity.user_profiles SET is_creator = NOT is_creator WHERE uid = %s", ((uid * 5) % 40 + 1,))

    def fold() -> None:
        start.wait()
        with connect(dsn) as db:
            for _ in range(40):
                seen = totals(db)
                if seen[0] < 0 or seen[0] != sum(seen[-4:]):
                    wrong.append(str(seen))
                with db.transaction():
                    user_counts.fold(db, 20)

    threads = [Thread(target=write, args=(number,)) for number in range(8)] + [Thread(target=fold) for _ in range(folders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [], "levels and total disagree in one snapshot"
    with connect(dsn) as db:
        assert totals(db) == truth(sql)
        while user_counts.fold(db, 20):
            assert totals(db) == truth(sql)
