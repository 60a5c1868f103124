"""Keys made and revoked by many at once, or cut off half way, on a database that commits."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event
from typing import Any, TypeVar

import psycopg
import pytest
from jose import jwt

from functions.identity.schemas.api_keys import ApiKeyIn, NewApiKey
from functions.identity.service import api_keys, sessions
from functions.identity.store import api_keys as store
from shared.api_keys import caller_with
from shared.caller import Caller, caller_of, forget_sessions
from shared.errors import Refusal
from shared.settings import Settings
from shared.sql.connection import Connection, connect
from tests.fixtures.api import open_session
from tests.fixtures.people import make_user

T = TypeVar("T")
UID = 100001
WANTED = ApiKeyIn(name="ci", scopes=["read"])
pytestmark = pytest.mark.usefixtures("keys")


class Crash(BaseException):
    """The environment is gone."""


class Desk:
    """Ann and her session, and as many environments as are wanted."""

    def __init__(self, dsn: Callable[..., str]) -> None:
        self._dsn = dsn
        with connect(dsn()) as owner:
            make_user(owner.execute, UID, "ann")  # type: ignore[arg-type]  # rows are not looked at
        session_id = jwt.get_unverified_claims(open_session(UID))["sid"]
        self.caller: Caller = caller_of(UID, session_id)

    def alone(self, work: Callable[[Connection], T]) -> T:
        """One transaction of the domain's role."""
        with connect(self._dsn("identity")) as db, db.transaction():
            return work(db)

    def together(self, count: int, work: Callable[[Connection, int], T]) -> list[T | str]:
        """What each got, starting at once: its result or the name of its refusal."""
        barrier = Barrier(count)

        def one(index: int) -> T | str:
            barrier.wait()
            try:
                return self.alone(lambda db: work(db, index))
            except Refusal as refusal:
                return refusal.error

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def make(self) -> NewApiKey:
        """One key."""
        return self.alone(lambda db: api_keys.create(db, self.caller, WANTED))

    def listed(self) -> list[int]:
        """What Ann sees."""
        return [key.key_id for key in self.alone(lambda db: api_keys.listed(db, UID))]

    def opens(self, key: str) -> bool:
        """Whether a key counts in an environment that has not seen it."""
        forget_sessions()
        with suppress(Refusal):
            return caller_with(key, Settings.load().public_url).uid == UID
        return False


@pytest.fixture
def desk(fresh_database: Callable[..., str]) -> Desk:
    return Desk(fresh_database)


def test_of_eight_makers_one_gets_the_twentieth_key(desk: Desk) -> None:
    for _ in range(19):
        desk.make()
    got = desk.together(8, lambda db, _index: api_keys.create(db, desk.caller, WANTED))
    assert Counter(result if isinstance(result, str) else "made" for result in got) == {"made": 1, "too_many_keys": 7}
    assert len(desk.listed()) == 20
    assert len(store.counting(store.beside(UID))) == 20


def test_of_eight_revocations_one_counts(desk: Desk) -> None:
    made, other = desk.make(), desk.make()
    got = desk.together(8, lambda db, _index: api_keys.revoke(db, UID, made.key_id))
    assert Counter("revoked" if result is None else result for result in got) == {"revoked": 1, "key_not_found": 7}
    assert not desk.opens(made.key)
    assert desk.opens(other.key)
    assert desk.listed() == [other.key_id]


def test_a_thief_who_makes_a_key_while_sessions_end_keeps_none(desk: Desk, fresh_database: Callable[..., str]) -> None:
    """What resets a password locks the account's row, ends all that lies beside it, and commits."""
    began = Event()

    def reset() -> None:
        with connect(fresh_database("identity")) as db, db.transaction():
            db.execute("SELECT 1 FROM identity.users WHERE uid = %s FOR NO KEY UPDATE", (UID,))
            began.set()
            sessions.revoke_all(UID)

    def steal(_: int) -> str:
        began.wait()
        try:
            return desk.make().key
        except Refusal as refusal:
            return refusal.error

    with ThreadPoolExecutor(9) as pool:
        ending = pool.submit(reset)
        got = set(pool.map(steal, range(8)))
        ending.result()
    assert got == {"token_revoked"}
    assert store.beside(UID) == {}


def test_a_key_cut_off_before_its_commit_was_never_given(desk: Desk) -> None:
    def work(db: Connection) -> None:
        api_keys.create(db, desk.caller, WANTED)
        raise Crash

    with pytest.raises(Crash):
        desk.alone(work)
    assert desk.listed() == []
    assert len(store.counting(store.beside(UID))) == 1, "an item nobody has the key to"
    for _ in range(20):
        desk.make()
    assert len(desk.listed()) == 20, "and that takes nobody's place"


@pytest.mark.parametrize("moment", ["before the commit", "with the database"])
def test_a_revocation_cut_off_leaves_a_key_that_opens_nothing_and_may_be_repeated(desk: Desk, moment: str) -> None:
    made = desk.make()

    def work(db: Connection) -> None:
        api_keys.revoke(db, UID, made.key_id)
        if moment == "with the database":
            db.close()
            raise psycopg.OperationalError
        raise Crash

    with pytest.raises((Crash, psycopg.OperationalError)):
        desk.alone(work)
    assert not desk.opens(made.key)
    assert desk.listed() == []
    desk.alone(lambda db: api_keys.revoke(db, UID, made.key_id))
    assert desk.listed() == []


def test_uses_at_once_are_noted_once(desk: Desk) -> None:
    made: Any = desk.make()
    results: list[bool] = []
    with ThreadPoolExecutor(8) as pool:
        results += pool.map(lambda _: caller_with(made.key, Settings.load().public_url).uid == UID, range(8))
    assert results == [True] * 8
    assert len(store.last_uses(UID)) == 1
