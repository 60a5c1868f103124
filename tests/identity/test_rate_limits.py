"""Limits hold however many come at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from functions.identity.service import codes
from functions.identity.store import codes as store
from shared import clock, ratelimit
from shared.ratelimit import Limit
from shared.settings import Settings
from tests.fixtures.api import Api

NOW = datetime(2027, 1, 1, tzinfo=UTC)
MANY = 200


pytestmark = pytest.mark.usefixtures("one_call_at_a_time")


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads got, all started at the same moment of a standing clock."""
    barrier = Barrier(count)

    def one(index: int) -> Any:
        barrier.wait()
        return work(index)

    with clock.frozen(NOW), ThreadPoolExecutor(count) as pool:
        return [found.result() for found in [pool.submit(copy_context().run, one, index) for index in range(count)]]


@pytest.mark.parametrize("per_minute", [30, 120])
def test_of_two_hundred_calls_at_once_as_many_pass_as_the_limit_says(cloud: None, per_minute: int) -> None:
    verdicts = at_once(MANY, lambda _index: ratelimit.take(Limit("auth_ip", per_minute), "203.0.113.7"))
    allowed = sum(verdict.allowed for verdict in verdicts)
    # Who loses three races in a row is refused: fewer may pass, never more.
    assert 0 < allowed <= per_minute


def test_environments_that_lease_for_themselves_stay_within_the_limit_together(cloud: None) -> None:
    allowed = 0
    with clock.frozen(NOW):
        for environment in range(MANY):
            if environment % 3 == 0:
                ratelimit.forget_leases()
            allowed += ratelimit.take(Limit("user", 100), "1").allowed
    assert allowed <= 100


def test_each_subject_has_its_own_limit(cloud: None) -> None:
    verdicts = at_once(MANY, lambda index: (index % 10, ratelimit.take(Limit("auth_ip", 10), f"198.51.100.{index % 10}")))
    for subject in range(10):
        assert 0 < sum(verdict.allowed for number, verdict in verdicts if number == subject) <= 10


def test_of_two_hundred_who_ask_for_a_code_at_once_one_is_sent_one(keys: None) -> None:
    def ask(_index: int) -> str:
        hashed = codes._target_hash("ann@example.com")
        return "sent" if store.take_turn("login", hashed, int(NOW.timestamp()), codes.GAP_SECONDS) == 0 else "wait"

    assert at_once(MANY, ask).count("sent") == 1


def test_a_days_codes_are_ten_however_they_are_asked_for(keys: None) -> None:
    hashed = codes._target_hash("ann@example.com")
    end = int((NOW + timedelta(days=2)).timestamp())
    assert at_once(MANY, lambda _index: store.take_of_day(hashed, "20270101", 10, end)).count(True) == 10


def test_of_two_hundred_guesses_at_one_code_five_are_judged(keys: None) -> None:
    hashed = codes._target_hash("ann@example.com")
    now = int(NOW.timestamp())
    store.keep("login", hashed, send_id="1", code_hash="x", requested_at=now, expires=now + 300)
    judged = at_once(MANY, lambda _index: store.count_attempt("login", hashed, now, codes.ATTEMPTS))
    assert sum(found is not None for found in judged) == 5


def test_over_the_limit_the_answer_says_when_to_come_back(auth_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    Settings.forget()
    with clock.frozen(NOW):
        replies = [auth_api.post("/auth/refresh", {"refresh_token": "x"}) for _ in range(31)]
    assert [reply.status for reply in replies] == [401] * 30 + [429]
    assert replies[-1].error == (429, "rate_limited")
    assert int(replies[-1].headers["retry-after"]) >= 1
