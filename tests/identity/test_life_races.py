"""Leaving and coming back at the same moment, on a database that commits: one of them happens, and all of it."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from functions.identity.schemas.fields import Purpose
from functions.identity.schemas.life import DeactivateIn
from functions.identity.schemas.sessions import LoginIn
from functions.identity.service import codes, data_export, deactivation, deletion, login
from functions.identity.store import sessions as session_store
from shared import clock
from shared.dynamo.jobs import JobItem
from shared.sql import outbox
from shared.sql.connection import Connection
from tests.identity.conftest import PASSWORD, Post
from tests.identity.test_races import CLIENT, Together, register

pytestmark = pytest.mark.usefixtures("keys")
BACK = LoginIn(account="ann@example.com", password=PASSWORD, reactivate=True)


@pytest.fixture
def together(fresh_database: Callable[..., str]) -> Together:
    return Together(fresh_database)


def code(together: Together, post: Post, purpose: Purpose, target: str = "ann@example.com") -> str:
    together.once(lambda db: codes.request(db, "email", target, purpose, "en"))
    post.deliver()
    found = re.search(r"\d{6}", post.letters[-1].body)
    assert found
    return found[0]


def ask(db: Connection, uid: int, given: str) -> str:
    with db.transaction():
        deletion.ask(db, uid, given)
        outbox.store(db)
    return "asked"


def test_of_eight_deletions_at_once_one_is_asked_for(together: Together, post: Post) -> None:
    uid = together.once(register).user.user_id
    given = code(together, post, "delete_account")
    got = together.run(8, lambda db, _index: ask(db, uid, given))
    assert Counter(got) == {"asked": 1, "code_invalid": 7}
    assert together.sql("SELECT count(*) FROM identity.deletion_requests") == [(1,)]
    facts = "SELECT count(*) FROM platform.outbox_events WHERE topic = 'identity.deletion_requested.v1'"
    assert together.sql(facts) == [(1,)]


def test_who_comes_back_at_the_last_moment_is_back_or_gone_but_never_half(together: Together, post: Post) -> None:
    ends: Counter[str] = Counter()
    for number in range(6):
        email = f"ann{number}@example.com"
        uid = together.once(partial(register, email=email)).user.user_id
        given = code(together, post, "delete_account", email)
        together.once(partial(ask, uid=uid, given=given))
        ((request_id,),) = together.sql(f"SELECT request_id FROM identity.deletion_requests WHERE uid = {uid}")
        together.sql(f"UPDATE identity.deletion_requests SET delete_at = now() WHERE uid = {uid} RETURNING 1")

        def one(db: Connection, index: int, email: str = email, request_id: str = request_id, turn: int = number) -> str:
            if index % 2 == turn % 2:
                return login.log_in(db, BACK.model_copy(update={"account": email}), CLIENT).user.status
            with db.transaction():
                step, _ = deletion.close_if_due(db, request_id)
                outbox.store(db)
            return step

        got = Counter(together.run(8, one))
        ((status, request),) = together.sql(
            f"""
            SELECT u.status, r.status FROM identity.users u JOIN identity.deletion_requests r USING (uid) WHERE u.uid = {uid}
            """
        )
        ((facts,),) = together.sql(
            f"""
            SELECT count(*) FROM platform.outbox_events
            WHERE topic = 'identity.account_erased.v1' AND payload->>'uid' = '{uid}'
            """
        )
        sessions = len(session_store.all_of(uid))
        if status == "active":
            assert (request, facts, sessions) == ("cancelled", 0, 4)
            assert got == {"active": 4, "end": 4}
        else:
            assert (status, request, facts, sessions) == ("deleted", "erasing", 1, 0)
            assert got == {"ask": 4, "invalid_credentials": 4}
        ends[status] += 1
    assert sum(ends.values()) == 6


def test_of_eight_exports_at_once_one_is_made(together: Together) -> None:
    uid = together.once(register).user.user_id

    def export(db: Connection, _index: int) -> str:
        with db.transaction():
            data_export.ask(db, uid, "zip")
            outbox.store(db)
        return "asked"

    assert Counter(together.run(8, export)) == {"asked": 1, "export_too_frequent": 7}
    assert together.sql("SELECT count(*) FROM identity.export_requests") == [(1,)]
    assert len(list(JobItem.by_gsi1.query(f"U#{uid}"))) == 1


def test_nobody_slips_in_while_an_account_is_deactivated(together: Together) -> None:
    uid = together.once(register).user.user_id
    wish = DeactivateIn(password=PASSWORD)
    again = LoginIn(account="ann@example.com", password=PASSWORD)

    def one(db: Connection, index: int) -> str:
        if index % 2:
            deactivation.deactivate(db, uid, wish, CLIENT)
            return "left"
        return login.log_in(db, again, CLIENT).user.status

    got = Counter(together.run(8, one))
    assert got["left"] == 4
    assert got["active"] + got["account_deactivated"] == 4
    assert together.sql("SELECT status FROM identity.users") == [("inactive",)]
    assert session_store.all_of(uid) == []


def test_a_wrong_password_of_eight_counts_each_time(together: Together) -> None:
    uid = together.once(register).user.user_id

    def guess(db: Connection, _index: int) -> str:
        deactivation.deactivate(db, uid, DeactivateIn(password="wrong horse 1"), CLIENT)
        return "in"

    assert Counter(together.run(8, guess)) == {"wrong_password": 5, "account_locked": 3}


def test_two_executions_of_one_deletion_ask_once(together: Together, post: Post) -> None:
    uid = together.once(register).user.user_id
    given = code(together, post, "delete_account")
    together.once(lambda db: ask(db, uid, given))
    ((request_id,),) = together.sql("SELECT request_id FROM identity.deletion_requests")

    def begin(db: Connection, _index: int) -> str:
        with clock.frozen(clock.now() + timedelta(days=16)), db.transaction():
            step, _ = deletion.close_if_due(db, request_id)
            outbox.store(db)
        return step

    assert Counter(together.run(8, begin)) == {"ask": 8}
    assert together.sql("SELECT times_asked FROM identity.deletion_requests") == [(1,)]
    facts = "SELECT count(*) FROM platform.outbox_events WHERE topic = 'identity.account_erased.v1'"
    assert together.sql(facts) == [(1,)]
