"""Users who call very often are noticed, once per five minutes, whoever counts."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import clock
from shared.http import calls
from shared.http.context import RequestContext

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
CONTEXT = RequestContext("r", "en", "203.0.113.9", "Browser", "GET", "/")


def call(times: int, uid: int = 7) -> None:
    for _ in range(times):
        calls.note(CONTEXT, uid)


def events(house) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = house.sql(
        "SELECT user_id, (detail ->> 'calls')::int FROM admin.security_events WHERE kind = 'api_abuse'"
    )
    return found


@pytest.fixture(autouse=True)
def _environment(house, cloud):
    with clock.frozen(NOON), house.acting("content"):
        yield


def test_three_hundred_calls_are_fine_and_the_next_is_told_once(house) -> None:
    call(300)
    assert events(house) == []
    call(1)
    assert events(house) == [(7, 301)]
    call(500)
    assert len(events(house)) == 1


def test_every_five_minutes_count_anew(house) -> None:
    call(300)
    with clock.frozen(NOON + timedelta(minutes=5)):
        call(300)
        assert events(house) == []
        call(1)
        assert len(events(house)) == 1


def test_two_people_are_counted_apart(house) -> None:
    call(200, 7)
    call(200, 8)
    assert events(house) == []


def test_environments_count_together_and_tell_once(house) -> None:
    call(180)
    calls.forget_calls()
    call(150)
    assert [user for user, _ in events(house)] == [7]
    calls.forget_calls()
    call(60)
    assert len(events(house)) == 1


def test_a_store_that_is_away_costs_no_call(house, monkeypatch) -> None:
    monkeypatch.setenv("TABLE_OPS", "nowhere")
    call(400)
    assert events(house) == []
