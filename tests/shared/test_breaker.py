"""A party that fails rests; one call tries after the rest."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from shared.breaker import FAILURES, Breaker, breaker, forget_breakers
from shared.errors import ServiceDegraded


class FaultError(Exception):
    """The party's."""


class AnsweredError(Exception):
    """The party said no."""


@pytest.fixture
def advance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    file = tmp_path / "clock.json"

    def moved(seconds: float) -> None:
        file.write_text(f'{{"offset_seconds": {timedelta(seconds=seconds).total_seconds()}}}')
        monkeypatch.setenv("CLOCK_FILE", str(file))

    return moved


def fail(guarded: Breaker, error: Exception | None = None) -> None:
    with pytest.raises(Exception) as raised, guarded.guard(FaultError):
        raise error or FaultError
    assert not isinstance(raised.value, ServiceDegraded)


def succeed(guarded: Breaker) -> None:
    with guarded.guard(FaultError):
        pass


def is_open(guarded: Breaker) -> bool:
    try:
        succeed(guarded)
    except ServiceDegraded:
        return True
    return False


def test_it_opens_after_five_failures_in_a_row_and_says_how_long() -> None:
    party = Breaker("party")
    for _ in range(FAILURES - 1):
        fail(party)
    fail(party)
    with pytest.raises(ServiceDegraded) as refused, party.guard(FaultError):
        pytest.fail("called")
    assert refused.value.details == {"dependency": "party"}
    assert refused.value.retry_after is not None
    assert 29 <= refused.value.retry_after <= 31


def test_four_failures_and_a_success_begin_anew() -> None:
    party = Breaker("party")
    for _ in range(3):
        for _ in range(FAILURES - 1):
            fail(party)
        succeed(party)
    assert not is_open(party)


def test_an_answer_that_is_a_refusal_shows_the_party_alive() -> None:
    party = Breaker("party")
    for _ in range(FAILURES - 1):
        fail(party)
    fail(party, AnsweredError())
    fail(party)
    assert not is_open(party)


def test_after_the_rest_a_success_closes_it(advance: Callable[[float], None]) -> None:
    party = Breaker("party")
    for _ in range(FAILURES):
        fail(party)
    advance(29)
    assert is_open(party)
    advance(31)
    succeed(party)
    assert not is_open(party)
    for _ in range(FAILURES - 1):
        fail(party)
    assert not is_open(party)


def test_after_the_rest_one_failure_is_enough_to_rest_again(advance: Callable[[float], None]) -> None:
    party = Breaker("party")
    for _ in range(FAILURES):
        fail(party)
    advance(31)
    fail(party)
    assert is_open(party)
    advance(62)
    succeed(party)


def test_of_many_after_the_rest_one_tries(advance: Callable[[float], None]) -> None:
    party = Breaker("party")
    for _ in range(FAILURES):
        fail(party)
    advance(31)
    start, end = Barrier(8), Barrier(8)

    def call(_: int) -> bool:
        start.wait()
        try:
            with party.guard(FaultError):
                end.wait()
                return True
        except ServiceDegraded:
            end.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(call, range(8))) == 1


def test_a_trial_that_never_ended_does_not_shut_the_door_for_good(advance: Callable[[float], None]) -> None:
    party = Breaker("party")
    for _ in range(FAILURES):
        fail(party)
    advance(31)
    with pytest.raises(KeyboardInterrupt), party.guard(FaultError):
        raise KeyboardInterrupt
    assert is_open(party)
    advance(62)
    succeed(party)


def test_each_party_has_one_of_its_own() -> None:
    forget_breakers()
    assert breaker("a") is breaker("a")
    assert breaker("a") is not breaker("b")
    first = breaker("a")
    forget_breakers()
    assert breaker("a") is not first
