"""Merging by many at once, on a database that commits: one winner, and never two accounts in one another."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.identity.models import Client
from functions.identity.schemas.merges import MergeIn
from functions.identity.schemas.sessions import LoginIn
from functions.identity.service import login, merging
from functions.identity.store import sessions as session_store
from shared import clock
from shared.sql import outbox
from shared.sql.connection import Connection
from tests.identity.conftest import PASSWORD
from tests.identity.test_races import Together, register

CLIENT = Client("203.0.113.7", "tests")
pytestmark = pytest.mark.usefixtures("keys", "one_call_at_a_time")


@pytest.fixture
def together(fresh_database: Callable[..., str]) -> Together:
    return Together(fresh_database)


class Pair:
    """Two accounts, and a merge of b into a that is open."""

    def __init__(self, together: Together) -> None:
        self.together = together
        self.a = together.once(lambda db: register(db, email="a@example.com")).user.user_id
        self.b = together.once(lambda db: register(db, email="b@example.com")).user.user_id

    def start(self, into: int, other: str) -> int:
        wanted = MergeIn(account=f"{other}@example.com", password=PASSWORD)
        return self.together.once(lambda db: merging.start(db, into, wanted, CLIENT)).merge_id

    def statuses(self) -> list[Any]:
        return [row[0] for row in self.together.sql("SELECT status FROM identity.account_merges ORDER BY merge_id")]

    def facts(self) -> Counter[str]:
        rows = self.together.sql("SELECT topic FROM platform.outbox_events WHERE topic LIKE 'identity.accounts_%'")
        return Counter(row[0].split(".")[1] for row in rows)


@pytest.fixture
def pair(together: Together) -> Pair:
    return Pair(together)


def confirm(db: Connection, uid: int, merge_id: int) -> str:
    with db.transaction():
        merging.confirm(db, uid, merge_id, {}, "en")
        outbox.store(db)
    return "merged"


def undo(db: Connection, uid: int, merge_id: int) -> str:
    with db.transaction():
        merging.undo(db, uid, merge_id)
        outbox.store(db)
    return "undone"


def test_of_eight_confirmations_one_merges(pair: Pair) -> None:
    merge_id = pair.start(pair.a, "b")
    got = Counter(pair.together.run(8, lambda db, _: confirm(db, pair.a, merge_id)))
    assert got == {"merged": 1, "merge_expired": 7}
    assert pair.facts() == {"accounts_merged": 1}


def test_of_two_merges_of_one_account_one_wins(pair: Pair) -> None:
    both = [pair.start(pair.a, "b"), pair.start(pair.a, "b")]
    got = Counter(pair.together.run(8, lambda db, index: confirm(db, pair.a, both[index % 2])))
    assert got["merged"] == 1
    assert got["merge_blocked"] + got["merge_expired"] == 7
    assert sorted(pair.statuses()) == ["merged", "open"]


def test_of_two_that_merge_into_each_other_one_is_kept(pair: Pair) -> None:
    there, back = pair.start(pair.a, "b"), pair.start(pair.b, "a")

    def work(db: Connection, index: int) -> str:
        return confirm(db, pair.a, there) if index % 2 else confirm(db, pair.b, back)

    got = Counter(pair.together.run(8, work))
    assert got["merged"] == 1
    assert pair.together.sql("SELECT count(*) FROM identity.users WHERE is_active") == [(1,)]


def test_a_confirmation_beside_the_end_of_its_time_is_one_or_the_other(pair: Pair) -> None:
    merge_id = pair.start(pair.a, "b")
    end = clock.now() + timedelta(seconds=601)

    def work(db: Connection, index: int) -> str:
        if index % 2:
            return confirm(db, pair.a, merge_id)
        with clock.frozen(end):
            return confirm(db, pair.a, merge_id)

    got = Counter(pair.together.run(8, work))
    assert got["merged"] <= 1
    assert got["merged"] + got["merge_expired"] == 8
    assert pair.statuses() == (["merged"] if got["merged"] else ["open"])


def test_of_eight_undoings_one_counts(pair: Pair) -> None:
    merge_id = pair.start(pair.a, "b")
    pair.together.once(lambda db: confirm(db, pair.a, merge_id))
    got = Counter(pair.together.run(8, lambda db, _: undo(db, pair.a, merge_id)))
    assert got == {"undone": 1, "merge_not_undoable": 7}
    assert pair.facts() == {"accounts_merged": 1, "accounts_parted": 1}
    assert pair.together.sql("SELECT email, is_active, status FROM identity.users ORDER BY uid") == [
        ("a@example.com", True, "active"),
        ("b@example.com", True, "active"),
    ]


def test_a_login_beside_a_merge_is_refused_or_ended_by_it(pair: Pair) -> None:
    merge_id = pair.start(pair.a, "b")

    def work(db: Connection, index: int) -> str:
        if index == 3:
            return confirm(db, pair.a, merge_id)
        login.log_in(db, LoginIn(account="b@example.com", password=PASSWORD, reactivate=True), CLIENT)
        return "in"

    got = Counter(pair.together.run(8, work))
    assert got["merged"] == 1
    assert session_store.all_of(pair.b) == []
