"""Calendar months in Shanghai, and what a row of periods comes to."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions.subscriptions.periods import Period, Standing, add_months, standing, unused
from shared.clock import SHANGHAI

moments = some.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=some.just(UTC))  # noqa: DTZ001 - bounds are naive
lengths = some.sampled_from([1, 3, 12])


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-03-10T12:00", 1, "2026-04-10T12:00"),
        ("2026-01-31T09:30", 1, "2026-02-28T09:30"),
        ("2028-01-31T09:30", 1, "2028-02-29T09:30"),
        ("2028-02-29T00:00", 12, "2029-02-28T00:00"),
        ("2027-02-28T00:00", 12, "2028-02-28T00:00"),
        ("2026-11-30T23:59", 3, "2027-02-28T23:59"),
        ("2026-12-15T08:00", 1, "2027-01-15T08:00"),
        ("2100-01-31T00:00", 1, "2100-02-28T00:00"),  # no leap year
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_one(start: str, months: int, end: str) -> None:
    assert add_months(shanghai(start), months) == shanghai(end)


def test_the_day_is_that_of_shanghai_not_of_utc() -> None:
    still_january_in_utc = datetime(2026, 1, 31, 17, 0, tzinfo=UTC)  # 1 February, 01:00 in Shanghai
    assert add_months(still_january_in_utc, 1) == datetime(2026, 2, 28, 17, 0, tzinfo=UTC)  # 1 March, 01:00


@given(moments, lengths)
def test_months_keep_time_and_day_as_far_as_the_month_has_it(start: datetime, months: int) -> None:
    before, later = start.astimezone(SHANGHAI), add_months(start, months).astimezone(SHANGHAI)
    assert (later.year * 12 + later.month) - (before.year * 12 + before.month) == months
    assert later.time() == before.time()
    assert later.day == min(before.day, monthrange(later.year, later.month)[1])


@given(moments, moments, lengths)
def test_who_starts_later_never_ends_earlier(one: datetime, other: datetime, months: int) -> None:
    first, second = sorted([one, other])
    if add_months(first, months) > add_months(second, months):
        # Days that a short month does not have fall together on its last one, where the time of day decides.
        assert (
            add_months(second, months).astimezone(SHANGHAI).date() == add_months(first, months).astimezone(SHANGHAI).date()
        )


@some.composite
def period(draw: some.DrawFn) -> Period:
    trial = draw(some.booleans())
    granted_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=draw(some.integers(0, 500)))
    return Period(
        period_id=draw(some.integers(1, 10**6)),
        kind="trial" if trial else "order",
        plan_id=draw(some.integers(1, 3)),
        tier=draw(some.integers(1, 3)),
        amount=3000,
        months=0 if trial else draw(lengths),
        days=draw(some.integers(1, 30)) if trial else 0,
        granted_at=granted_at,
        ordered_at=granted_at,
    )


periods = some.lists(period(), min_size=1, max_size=6, unique_by=lambda p: p.period_id)


@given(periods)
def test_a_standing_covers_all_that_was_given_since_its_start(given_: list[Period]) -> None:
    stands = standing(given_)
    assert stands is not None
    stretch = [p for p in given_ if p.granted_at >= stands.start]
    assert stands.start == min(p.granted_at for p in stretch)
    assert stands.end >= max(p.end_from(p.granted_at) for p in given_)
    assert stands.tier == max(p.tier for p in stretch)
    assert stands.trial == all(p.kind == "trial" for p in stretch)


@given(periods, some.randoms())
def test_the_order_of_delivery_does_not_matter(given_: list[Period], random: object) -> None:
    shuffled = list(given_)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's Random
    assert standing(shuffled) == standing(given_)


@given(periods)
def test_one_more_period_never_ends_access_earlier(given_: list[Period]) -> None:
    *fewer, _ = given_
    less, more = standing(fewer), standing(given_)
    assert more is not None
    # Month ends may cost a day or three: 28 February plus a month is 28 March.
    assert less is None or more.end >= less.end - timedelta(days=3)


def test_nothing_given_stands_at_nothing() -> None:
    assert standing([]) is None


def test_a_gap_starts_a_new_stretch() -> None:
    def month(day: str, tier: int) -> Period:
        return Period(1, "order", tier, tier, 3000, 1, 0, shanghai(day), shanghai(day))

    stands = standing([month("2026-01-10T00:00", 2), month("2026-06-10T00:00", 1)])
    assert stands is not None
    assert (stands.start, stands.end, stands.tier) == (shanghai("2026-06-10T00:00"), shanghai("2026-07-10T00:00"), 1)


def bought(day: str, plan_id: int, amount: int, *, change: bool = False, ordered: str | None = None) -> Period:
    """A month of a plan whose tier is its number."""
    kind, at = "change" if change else "order", shanghai(day)
    return Period(plan_id, kind, plan_id, plan_id, amount, 1, 0, at, shanghai(ordered or day))  # type: ignore[arg-type]  # literal


def test_a_change_begins_when_it_is_paid_and_ends_what_it_replaces() -> None:
    stands = standing([bought("2026-03-01T00:00", 1, 3000), bought("2026-03-11T12:00", 2, 9000, change=True)])
    assert stands is not None
    assert (stands.plan_id, stands.start, stands.worth) == (2, shanghai("2026-03-11T12:00"), 9000)
    assert stands.end == shanghai("2026-04-11T12:00")


def test_without_the_change_everything_is_as_it_was() -> None:
    first, change = bought("2026-03-01T00:00", 1, 3000), bought("2026-03-11T12:00", 2, 9000, change=True)
    assert standing([first]) == Standing(1, 1, 3000, shanghai("2026-03-01T00:00"), shanghai("2026-04-01T00:00"), False, 3000)
    assert standing([first, change]) != standing([first])


def test_a_change_ordered_before_something_else_was_granted_takes_nothing_of_it() -> None:
    stands = standing(
        [
            bought("2026-03-01T00:00", 1, 3000),
            bought("2026-03-05T00:00", 2, 9000, change=True),
            bought("2026-03-06T00:00", 3, 9900, change=True, ordered="2026-03-04T00:00"),
        ]
    )
    assert stands is not None
    assert (stands.start, stands.end) == (shanghai("2026-03-05T00:00"), shanghai("2026-05-05T00:00"))
    assert (stands.tier, stands.worth) == (3, 18900)


@pytest.mark.parametrize(
    ("at", "left"),
    [
        ("2026-02-01T00:00", 2800),
        ("2026-02-01T23:59", 2800),  # today is still to be had
        ("2026-02-15T12:00", 1400),
        ("2026-02-28T23:59", 100),
        ("2026-03-01T00:00", 0),
        ("2026-03-09T00:00", 0),
    ],
)
def test_what_is_unused_is_counted_in_days_of_shanghai(at: str, left: int) -> None:
    stands = standing([bought("2026-02-01T00:00", 1, 2800)])
    assert stands is not None
    assert unused(stands, shanghai(at)) == left


def test_a_leap_year_has_a_day_more_to_divide_by() -> None:
    stands = standing([bought("2028-02-01T08:00", 1, 2900)])
    assert stands is not None
    assert unused(stands, shanghai("2028-02-29T08:00")) == 100


def test_a_day_of_utc_may_be_the_next_one_of_shanghai() -> None:
    stands = standing([bought("2026-02-01T00:00", 1, 2800)])
    assert stands is not None
    assert unused(stands, datetime(2026, 2, 14, 15, 59, tzinfo=UTC)) == 1500
    assert unused(stands, datetime(2026, 2, 14, 16, 0, tzinfo=UTC)) == 1400


@given(periods, some.integers(0, 900))
def test_never_more_is_unused_than_was_paid(given_: list[Period], day: int) -> None:
    stands = standing(given_)
    assert stands is not None
    assert 0 <= unused(stands, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)) <= stands.worth
