"""Many at once, on a database that commits."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any, TypeVar

import pytest

from functions.identity.errors import InvalidCredentials
from functions.identity.models import Client
from functions.identity.schemas.accounts import RegisterIn, TokenPair
from functions.identity.schemas.sessions import LoginIn
from functions.identity.schemas.verifications import CreatorIn, IdentityIn, ReviewIn
from functions.identity.service import login, registration, sessions, verifications
from functions.identity.store import sessions as session_store
from shared.errors import Refusal
from shared.sql import outbox
from shared.sql.connection import Connection, connect
from tests.identity.conftest import CARD, PASSWORD

T = TypeVar("T")
CLIENT = Client("203.0.113.7", "tests")
pytestmark = pytest.mark.usefixtures("keys")


class Together:
    """Runs one piece of work in many threads that start at once, each with a connection of its own."""

    def __init__(self, dsn: Callable[..., str]) -> None:
        self._dsn = dsn

    def run(self, count: int, work: Callable[[Connection, int], T]) -> list[T | str]:
        """What each got: its result, or the name of its refusal."""
        barrier = Barrier(count)

        def one(index: int) -> T | str:
            with connect(self._dsn("identity")) as db:
                barrier.wait()
                try:
                    return work(db, index)
                except Refusal as refusal:
                    return refusal.error

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def once(self, work: Callable[[Connection], T]) -> T:
        """The same, alone; a refusal fails the test."""
        with connect(self._dsn("identity")) as db:
            return work(db)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Look, as the owner."""
        with connect(self._dsn()) as db:
            return db.execute(statement).fetchall()


@pytest.fixture
def together(fresh_database: Callable[..., str]) -> Together:
    return Together(fresh_database)


def register(db: Connection, **fields: Any) -> TokenPair:
    wanted = RegisterIn.model_validate({"email": "ann@example.com", "password": PASSWORD, "agree_terms": True} | fields)
    with db.transaction():
        pair = registration.register(db, wanted, CLIENT)
        outbox.store(db)
        return pair


def submit(db: Connection, uid: int) -> int:
    with db.transaction():
        wanted = IdentityIn(real_name="张三", id_number=CARD)
        return verifications.submit_identity(db, uid, wanted).verification_id


def approve(db: Connection, verification_id: int) -> str:
    with db.transaction():
        return verifications.review(db, verification_id, 1, ReviewIn(action="approve"), "en").status


@pytest.mark.parametrize(
    ("same", "error"), [({"email": "ann@example.com"}, "email_taken"), ({"username": "ann"}, "username_taken")]
)
def test_of_eight_who_want_one_name_one_gets_it_and_nothing_is_half_stored(
    together: Together, same: dict[str, str], error: str
) -> None:
    together.once(lambda db: register(db, email="warm@example.com"))
    got = together.run(8, lambda db, index: register(db, **({"email": f"u{index}@example.com"} | same)).session_id)
    assert Counter(result if result == error else "won" for result in got) == {error: 7, "won": 1}
    (counts,) = together.sql(
        """
        SELECT (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.authors),
               (SELECT count(*) FROM identity.user_profiles), (SELECT count(*) FROM identity.user_auth),
               (SELECT count(*) FROM identity.user_roles), (SELECT count(*) FROM identity.user_consents),
               (SELECT count(*) FROM platform.outbox_events)
        """
    )
    assert set(counts) == {2}


def test_of_eight_guesses_at_once_five_are_judged(together: Together) -> None:
    together.once(register)

    def guess(db: Connection, _index: int) -> str:
        login.log_in(db, LoginIn(account="ann@example.com", password="wrong horse 1"), CLIENT)
        return "in"

    assert Counter(together.run(8, guess)) == {"invalid_credentials": 5, "account_locked": 3}


def test_the_right_guess_among_many_wrong_ones_comes_too_late_after_five(together: Together) -> None:
    together.once(register)

    def guess(db: Connection, index: int) -> str:
        password = PASSWORD if index == 11 else f"wrong horse {index}"
        login.log_in(db, LoginIn(account="ann@example.com", password=password), CLIENT)
        return "in"

    got = Counter(together.run(12, guess))
    # Whether the right one was among the judged or not, wrong ones were judged five times at most in a row.
    assert got["in"] <= 1
    assert got["invalid_credentials"] <= 5 * (1 + got["in"])


def test_eight_who_know_the_password_all_get_in(together: Together) -> None:
    together.once(register)
    right = LoginIn(account="ann@example.com", password=PASSWORD)
    got = together.run(8, lambda db, _index: login.log_in(db, right, CLIENT).session_id)
    assert len(set(got)) == 8
    assert "account_locked" not in got


def test_sixteen_refreshes_of_one_token_make_one_family_and_lock_nobody_out(together: Together) -> None:
    first = together.once(register)
    got = together.run(16, lambda db, _index: sessions.refresh(db, first.refresh_token))
    pairs = [pair for pair in got if isinstance(pair, TokenPair)]
    assert len(pairs) == 16
    (successor,) = {pair.refresh_token for pair in pairs}
    assert {pair.session_id for pair in pairs} == {first.session_id}
    assert len(session_store.all_of(first.user.user_id)) == 1
    again = together.once(lambda db: sessions.refresh(db, successor))
    assert again.session_id == first.session_id


def test_of_eight_submissions_one_is_pending(together: Together) -> None:
    uid = together.once(register).user.user_id
    got = together.run(8, lambda db, _index: submit(db, uid))
    assert Counter("won" if isinstance(result, int) else result for result in got) == {"won": 1, "verification_pending": 7}
    assert together.sql("SELECT count(*) FROM identity.user_verifications") == [(1,)]


def test_of_eight_decisions_one_counts(together: Together) -> None:
    uid = together.once(register).user.user_id
    number = together.once(lambda db: submit(db, uid))
    assert together.once(lambda db: approve(db, number)) == "approved"
    wanted = CreatorIn(field="历史", introduction="我写历史。")

    def apply(db: Connection) -> int:
        with db.transaction():
            return verifications.apply_as_creator(db, uid, wanted).verification_id

    application = together.once(apply)
    got = together.run(8, lambda db, _index: approve(db, application))
    assert Counter(got) == {"approved": 1, "already_reviewed": 7}
    assert together.sql("SELECT role FROM identity.user_roles ORDER BY role") == [("creator",), ("user",)]


def test_of_eight_accounts_with_one_document_one_is_approved(together: Together) -> None:
    def submitted(db: Connection, index: int) -> int:
        return submit(db, register(db, email=f"u{index}@example.com").user.user_id)

    numbers = [together.once(partial(submitted, index=index)) for index in range(8)]
    got = together.run(8, lambda db, index: approve(db, numbers[index]))
    assert Counter(got) == {"approved": 1, "already_verified": 7}
    assert together.sql("SELECT count(*) FROM identity.user_profiles WHERE identity_status = 'approved'") == [(1,)]


def test_a_failure_is_counted_although_the_sign_in_is_refused(together: Together) -> None:
    together.once(register)
    with pytest.raises(InvalidCredentials):
        together.once(lambda db: login.log_in(db, LoginIn(account="ann@example.com", password="wrong horse 1"), CLIENT))
    assert together.sql("SELECT failed_count FROM identity.user_auth") == [(1,)]
