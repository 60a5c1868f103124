"""Lock-out grows, ends, and is the same for a name nobody has; so is the work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
import pytest
from botocore.client import BaseClient

from functions.identity.models import LOCKS_REMEMBERED, LONGEST_LOCK, Guesses
from shared import clock
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.identity.conftest import api_call_of_botocore, counted, log_in, queued

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
LOCK = timedelta(minutes=15)
NAMES = ["ann@example.com", "nobody@example.com"]
WRONG = "wrong horse 1"


def guess(auth_api: Api, account: str, times: int = 5) -> Reply:
    for _ in range(times):
        reply = log_in(auth_api, account=account, password=WRONG)
    return reply


@pytest.mark.parametrize("account", NAMES)
def test_each_lock_is_twice_the_one_before_up_to_a_day(auth_api: Api, register: Register, account: str) -> None:
    register()
    at = NOW
    for minutes in (15, 30, 60, 120, 240, 480, 960, 1440, 1440):
        with clock.frozen(at):
            assert guess(auth_api, account).error == (401, "invalid_credentials")
            locked = log_in(auth_api, account=account)
            assert locked.error == (423, "account_locked")
            assert locked.headers["retry-after"] == str(minutes * 60 + 1)
        at += timedelta(minutes=minutes, seconds=1)


@pytest.mark.parametrize("account", NAMES)
def test_a_day_after_a_lock_the_next_one_is_a_first_again(auth_api: Api, register: Register, account: str) -> None:
    register()
    with clock.frozen(NOW):
        guess(auth_api, account)
    later = NOW + LOCK + LOCKS_REMEMBERED
    with clock.frozen(later):
        guess(auth_api, account)
        assert log_in(auth_api, account=account).headers["retry-after"] == "901"


def test_a_success_makes_the_next_lock_a_first_again(auth_api: Api, register: Register) -> None:
    register()
    with clock.frozen(NOW):
        guess(auth_api, NAMES[0])
    with clock.frozen(NOW + LOCK):
        assert log_in(auth_api).status == 200
        guess(auth_api, NAMES[0])
        assert log_in(auth_api).headers["retry-after"] == "901"


@pytest.mark.parametrize("account", NAMES)
def test_guesses_at_a_locked_name_neither_count_nor_prolong(auth_api: Api, register: Register, account: str) -> None:
    register()
    with clock.frozen(NOW):
        guess(auth_api, account, 12)
    with clock.frozen(NOW + LOCK):
        assert guess(auth_api, account, 4).error == (401, "invalid_credentials")
        assert log_in(auth_api, account=account).status == (200 if account == NAMES[0] else 401)


def test_the_settings_say_how_many_and_how_long(auth_api: Api, register: Register, house: House) -> None:
    house.sql("INSERT INTO admin.system_settings VALUES ('auth.max_failures', '2', NULL, now())")
    house.sql("INSERT INTO admin.system_settings VALUES ('auth.lock_minutes', '1', NULL, now())")
    with clock.frozen(NOW):
        register()
        guess(auth_api, NAMES[0], 2)
        assert log_in(auth_api).headers["retry-after"] == "61"


def test_the_lock_never_outgrows_a_day_however_many_there_were() -> None:
    guesses = Guesses(lock_level=10_000)
    for _ in range(5):
        guesses = guesses.after_failure(NOW, limit=5, lock=LOCK)
    assert guesses.locked_until == NOW + LONGEST_LOCK


def test_failures_of_a_quarter_of_an_hour_ago_do_not_count() -> None:
    guesses = Guesses(failed_count=4, failures_since=NOW - LOCK)
    assert guesses.after_failure(NOW, limit=5, lock=LOCK).failed_count == 1
    assert guesses.after_failure(NOW - timedelta(seconds=1), limit=5, lock=LOCK).is_locked(NOW)


def test_names_nobody_has_are_forgotten_while_others_are_tried(auth_api: Api, house: House) -> None:
    with clock.frozen(NOW):
        for number in range(4):
            log_in(auth_api, account=f"nobody{number}@example.com")
    with clock.frozen(NOW + timedelta(days=2)):
        for number in range(4, 7):
            log_in(auth_api, account=f"nobody{number}@example.com")
    assert house.sql("SELECT count(*) FROM identity.unknown_logins WHERE kept_until < %s", (NOW + timedelta(days=2),)) == [
        (0,)
    ]
    assert house.sql("SELECT count(*) FROM identity.unknown_logins") == [(3,)]


def test_a_name_nobody_has_is_not_written_down(auth_api: Api, house: House) -> None:
    log_in(auth_api, account=NAMES[1])
    assert NAMES[1] not in str(house.sql("SELECT * FROM identity.unknown_logins"))


class Work:
    """What a request made others do: verifications, statements, calls of DynamoDB and SQS by name."""

    def __init__(self) -> None:
        self.done: list[str] = []


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, house: House) -> Iterator[Work]:
    work = Work()
    make_api_call = api_call_of_botocore()

    def noted(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            work.done.append(name)
            return do(*arguments, **named)

        return done

    def call(client: BaseClient, name: str, parameters: Any) -> Any:
        work.done.append(name)
        return make_api_call(client, name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr("argon2._password_hasher.verify_secret", noted("verify", argon2.low_level.verify_secret))
        patch.setattr("argon2._password_hasher.hash_secret", noted("hash", argon2.low_level.hash_secret))
        patch.setattr(BaseClient, "_make_api_call", call)
        with counted(house) as statements:
            yield work
    work.done += ["statement"] * statements[0]
    work.done.sort()


def work_of(monkeypatch: pytest.MonkeyPatch, house: House, call: Callable[[], Reply]) -> tuple[list[str], Reply]:
    with watched(monkeypatch, house) as work:
        reply = call()
    return work.done, reply


def test_a_wrong_password_a_locked_account_and_a_name_nobody_has_cost_the_same_work(
    auth_api: Api, register: Register, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    log_in(auth_api, account="warm@example.com")

    def fail(account: str) -> tuple[list[str], Reply]:
        return work_of(monkeypatch, house, lambda: log_in(auth_api, account=account, password=WRONG))

    wrong, unknown = fail(NAMES[0]), fail(NAMES[1])
    assert wrong[1].error == unknown[1].error == (401, "invalid_credentials")
    assert wrong[0] == unknown[0]
    assert wrong[0].count("verify") == 1
    assert wrong[0].count("hash") == 0
    assert wrong[0].count("statement") == 2  # the name, and what was guessed at it
    assert wrong[0].count("PutItem") == 1  # this attempt
    for account in NAMES:
        guess(auth_api, account, 3)
    locking = [fail(account)[0] for account in NAMES]
    assert locking[0] == locking[1]
    assert "SendMessage" in locking[0]
    assert locking[0].count("statement") == 3  # and the security event
    locked = [fail(account) for account in NAMES]
    assert locked[0][0] == locked[1][0] == wrong[0]
    assert [reply.error for _, reply in locked] == [(423, "account_locked")] * 2
    right = work_of(monkeypatch, house, lambda: log_in(auth_api))
    assert right[1].error == (423, "account_locked")
    assert right[0] == wrong[0]


def test_an_operators_wrong_password_costs_the_same_as_a_strangers(
    auth_api: Api, operator: Callable[..., Any], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = operator("support")
    house.sql("UPDATE admin.admins SET staff_password_hash = (SELECT password_hash FROM identity.user_auth)")
    log_in(auth_api, account="warm@example.com")

    def fail(email: str) -> tuple[list[str], Reply]:
        body = {"email": email, "password": WRONG}
        return work_of(monkeypatch, house, lambda: auth_api.post("/admin/auth/login", body))

    known, unknown = fail(ops.email), fail(NAMES[1])
    assert known[0] == unknown[0]
    assert known[1].error == unknown[1].error == (401, "invalid_credentials")


@pytest.mark.parametrize(("known", "unknown"), [(NAMES[0], NAMES[1]), ("ann_b", "nobody_b")])
def test_a_code_that_is_wrong_costs_the_same_whoever_it_is_for(
    auth_api: Api, register: Register, house: House, monkeypatch: pytest.MonkeyPatch, known: str, unknown: str
) -> None:
    register(username="ann_b")
    log_in(auth_api, account="warm@example.com")

    def fail(account: str) -> tuple[list[str], Reply]:
        body = {"account": account, "code": "000000"}
        return work_of(monkeypatch, house, lambda: auth_api.post("/auth/login", body))

    mine, nobodys = fail(known), fail(unknown)
    assert mine[0] == nobodys[0]
    assert mine[1].error == nobodys[1].error == (400, "code_invalid")


def test_asking_for_a_code_costs_the_same_whoever_it_is_for(
    auth_api: Api, register: Register, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    auth_api.post("/auth/forgot-password", {"account": "warm@example.com"})

    def ask(account: str) -> tuple[list[str], Reply]:
        return work_of(monkeypatch, house, lambda: auth_api.post("/auth/forgot-password", {"account": account}))

    known, unknown = ask(NAMES[0]), ask(NAMES[1])
    assert known[0] == unknown[0]
    assert known[1].json == unknown[1].json


def test_a_lock_leaves_an_event_for_an_account_and_for_a_name_nobody_has(
    auth_api: Api, register: Register, house: House
) -> None:
    uid = register()["user"]["user_id"]
    for account in NAMES:
        guess(auth_api, account, 8)
    rows = house.sql("SELECT kind, severity, user_id, ip FROM admin.security_events ORDER BY event_id")
    assert rows == [("brute_force", "high", uid, "203.0.113.7"), ("brute_force", "high", None, "203.0.113.7")]
    assert NAMES[1] not in str(house.sql("SELECT detail FROM admin.security_events"))
    targets = [record["body"].count('"target":null') for record in queued("email")]
    assert targets == [0, 1]
