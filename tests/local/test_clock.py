"""The movable clock of the laptop cloud."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.clock import LocalClock, NotAClockMove, duration, moment
from shared.clock import now


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("1d12h", timedelta(days=1, hours=12)),
    ],
)
def test_a_duration_is_numbers_with_units(text, expected):
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7y", "-7d", "7d!", " 7d", "1.5d", "七天", "9999999d", "٧d", "999999w" * 1000]
)
def test_anything_else_is_no_duration(text):
    with pytest.raises(NotAClockMove):
        duration(text)


def test_a_moment_in_another_zone_is_the_same_moment():
    assert moment("2026-12-01T08:00:00+08:00") == datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-12-01", "2026-12-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_a_moment_needs_a_date_a_time_and_a_zone(text):
    with pytest.raises(NotAClockMove):
        moment(text)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalClock:
    monkeypatch.setenv("CLOCK_FILE", str(tmp_path / "state" / "clock.json"))
    return LocalClock(tmp_path / "state" / "clock.json")


def test_nobody_moved_it_yet(clock):
    assert clock.reading()["offset_seconds"] == 0


def test_moves_forward_add_up_and_the_product_lives_by_them(clock):
    clock.advance("7d")
    clock.advance("1h")

    assert clock.reading()["offset_seconds"] == 7 * 86_400 + 3_600
    assert timedelta(days=7) < now() - datetime.now(UTC) <= timedelta(days=7, hours=1)


def test_a_moment_has_come_once_the_clock_was_moved_to_it(clock):
    at = datetime.now(UTC) + timedelta(days=30, microseconds=1)

    clock.move_to(at.isoformat())

    assert now() >= at


def test_it_may_be_moved_back_as_far_as_real_time(clock):
    clock.advance("30d")
    clock.move_to((datetime.now(UTC) + timedelta(days=1)).isoformat())
    clock.move_to(datetime.now(UTC).isoformat())

    assert clock.offset() == timedelta()


def test_the_past_is_refused_and_leaves_the_clock_alone(clock):
    clock.advance("1d")

    with pytest.raises(NotAClockMove, match="past"):
        clock.move_to("2020-01-01T00:00:00Z")

    assert clock.offset() == timedelta(days=1)


def test_it_cannot_be_moved_beyond_ten_years(clock):
    with pytest.raises(NotAClockMove, match="days ahead"):
        clock.advance("999999w")
