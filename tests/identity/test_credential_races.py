"""Credentials proved and changed by many at once, on a database that commits."""

from collections import Counter
from collections.abc import Callable

import bcrypt
import pytest

from functions.identity.models import Client
from functions.identity.schemas.security import SecurityIn
from functions.identity.schemas.sessions import LoginIn
from functions.identity.service import codes, login, password, security, session_list, sessions
from functions.identity.store import codes as code_store
from functions.identity.store import sessions as session_store
from functions.identity.totp import code_at, step_of
from shared import clock
from shared.caller import Caller
from shared.errors import Refusal
from shared.sql.connection import Connection
from tests.identity.conftest import PASSWORD
from tests.identity.test_races import Together, register

ANN, NEW = "ann@example.com", "battery staple 2"
CLIENT = Client("203.0.113.7", "tests")
RIGHT = LoginIn(account=ANN, password=PASSWORD)
pytestmark = pytest.mark.usefixtures("keys", "one_call_at_a_time")


@pytest.fixture
def together(fresh_database: Callable[..., str]) -> Together:
    return Together(fresh_database)


@pytest.fixture
def ann(together: Together) -> Caller:
    """Ann, in the session she registered with."""
    pair = together.once(register)
    return Caller(pair.user.user_id, pair.session_id, "user", ("user",), (), "zh-CN")


def reset_code() -> str:
    """A code as if it had been mailed a moment ago."""
    now = int(clock.now().timestamp())
    code_store.keep(
        "reset_password",
        codes._target_hash(ANN),
        send_id="1",
        code_hash=codes._code_hash("reset_password", ANN, "123456"),
        requested_at=now,
        expires=now + 300,
    )
    return "123456"


def test_a_login_beside_a_reset_is_refused_or_ended_by_it(together: Together, ann: Caller) -> None:
    code = reset_code()

    def work(db: Connection, index: int) -> str:
        if index == 3:
            password.reset(db, ANN, code, NEW, CLIENT)
            return "reset"
        return "in" if login.log_in(db, RIGHT, CLIENT) else ""

    got = Counter(together.run(8, work))
    assert got["reset"] == 1
    assert got["in"] + got["invalid_credentials"] + got["account_locked"] == 7
    assert session_store.all_of(ann.uid) == []


def test_of_eight_resets_with_one_code_one_counts(together: Together, ann: Caller) -> None:
    code = reset_code()
    got = together.run(8, lambda db, index: password.reset(db, ANN, code, f"{NEW}{index}", CLIENT))
    assert Counter(map(str, got)) == {"None": 1, "code_invalid": 7}


def test_of_eight_changes_of_one_password_one_counts(together: Together, ann: Caller) -> None:
    got = together.run(5, lambda db, index: password.change(db, ann, PASSWORD, f"{NEW}{index}", CLIENT))
    assert Counter(map(str, got)) == {"None": 1, "wrong_password": 4}
    assert [session_store.id_of(item) for item in session_store.all_of(ann.uid)] == [ann.session_id]


def test_of_eight_guesses_at_a_name_nobody_has_five_are_judged_too(together: Together) -> None:
    def guess(db: Connection, _index: int) -> str:
        login.log_in(db, LoginIn(account="nobody@example.com", password="wrong horse 1"), CLIENT)
        return "in"

    assert Counter(together.run(8, guess)) == {"invalid_credentials": 5, "account_locked": 3}
    assert together.sql("SELECT lock_level FROM identity.unknown_logins") == [(1,)]
    assert together.sql("SELECT count(*) FROM admin.security_events") == [(1,)]


def test_with_one_session_at_a_time_eight_logins_at_once_leave_one(together: Together, ann: Caller) -> None:
    together.once(lambda db: security.change(db, ann.uid, SecurityIn(single_session=True), CLIENT))
    got = together.run(8, lambda db, _index: login.log_in(db, RIGHT, CLIENT).session_id)
    assert len(set(got)) == 8
    (left,) = session_store.all_of(ann.uid)
    assert session_store.id_of(left) in got


def test_of_eight_confirmations_one_is_told_the_recovery_codes(together: Together, ann: Caller) -> None:
    offered = together.once(lambda db: security.change(db, ann.uid, SecurityIn(totp_action="enroll"), CLIENT)).totp
    assert offered is not None
    wanted = SecurityIn(totp_action="confirm", totp_code=code_at(offered.secret, step_of(clock.now())))
    got = together.run(8, lambda db, _index: security.change(db, ann.uid, wanted, CLIENT).recovery_codes)
    told = [result for result in got if isinstance(result, list)]
    assert len(told) == 1
    assert got.count("totp_code_invalid") == 7


def test_a_recovery_code_is_spent_once_however_many_bring_it(together: Together, ann: Caller) -> None:
    offered = together.once(lambda db: security.change(db, ann.uid, SecurityIn(totp_action="enroll"), CLIENT)).totp
    assert offered is not None
    confirm = SecurityIn(totp_action="confirm", totp_code=code_at(offered.secret, step_of(clock.now())))
    codes_told = together.once(lambda db: security.change(db, ann.uid, confirm, CLIENT)).recovery_codes
    assert codes_told is not None
    again = SecurityIn(totp_action="enroll", totp_code=codes_told[0])
    got = together.run(5, lambda db, _index: security.change(db, ann.uid, again, CLIENT).totp is not None)
    assert Counter(map(str, got)) == {"True": 1, "totp_code_invalid": 4}


def test_of_eight_who_end_one_session_one_did(together: Together, ann: Caller) -> None:
    got = together.run(8, lambda _db, _index: session_list.revoke(ann, ann.session_id))
    assert Counter(map(str, got)) == {"1": 1, "session_not_found": 7}


def test_eight_sign_ins_with_an_imported_hash_all_get_in(together: Together, ann: Caller) -> None:
    text = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    together.sql(f"UPDATE identity.user_auth SET password_hash = '{text}' RETURNING 1")
    got = together.run(8, lambda db, _index: login.log_in(db, RIGHT, CLIENT).session_id)
    assert len(set(got)) == 8
    ((stored,),) = together.sql("SELECT password_hash FROM identity.user_auth")
    assert stored.startswith("$argon2id$")


def test_a_session_that_is_refreshed_while_a_reset_ends_it_stays_ended(together: Together, ann: Caller) -> None:
    pair = together.once(lambda db: login.log_in(db, RIGHT, CLIENT))
    code = reset_code()

    def work(db: Connection, index: int) -> str:
        if index == 0:
            password.reset(db, ANN, code, NEW, CLIENT)
            return "reset"
        return "fresh" if sessions.refresh(db, pair.refresh_token) else ""

    got = Counter(together.run(8, work))
    assert got["reset"] == 1
    assert got["fresh"] + got["refresh_token_invalid"] == 7
    assert session_store.all_of(ann.uid) == []
    with pytest.raises(Refusal):
        together.once(lambda db: sessions.refresh(db, pair.refresh_token))
