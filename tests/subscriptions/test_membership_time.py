"""How memberships follow each other, by a table; and what holds of any of them."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.subscriptions.memberships import FREE, LEVELS, Grant, coming, laid_out, standing, terms
from tests.subscriptions.build import NOON


def day(number: float) -> datetime:
    return NOON + timedelta(days=number)


def grants(*said: tuple[float, str, int]) -> list[Grant]:
    """Each as (day of payment, level, days)."""
    return [Grant(n, level, (level,), days, day(at)) for n, (at, level, days) in enumerate(said, 1)]  # type: ignore[arg-type]


B, P, F = "basic", "premium", "professional"
TABLE = [
    ("nothing", [], []),
    ("one", [(0, B, 30)], [(B, 0, 30)]),
    ("the same again is added to the end that was", [(0, B, 30), (10, B, 30)], [(B, 0, 30), (B, 30, 60)]),
    ("the same after it was over begins anew", [(0, B, 30), (40, B, 30)], [(B, 0, 30), (B, 40, 70)]),
    ("at the very moment it is over", [(0, B, 30), (30, B, 30)], [(B, 0, 30), (B, 30, 60)]),
    (
        "a higher one starts at once, the lower goes on after it",
        [(0, B, 30), (10, P, 30)],
        [(B, 0, 10), (P, 10, 40), (B, 40, 60)],
    ),
    ("a lower one follows the higher", [(0, P, 30), (10, B, 30)], [(P, 0, 30), (B, 30, 60)]),
    (
        "three levels, highest first",
        [(0, B, 30), (10, F, 10), (15, P, 10)],
        [(B, 0, 10), (F, 10, 20), (P, 20, 30), (B, 30, 50)],
    ),
    (
        "more of the middle one waits for the highest",
        [(0, P, 10), (2, F, 5), (3, P, 10)],
        [(P, 0, 2), (F, 2, 7), (P, 7, 15), (P, 15, 25)],
    ),
    (
        "a higher one interrupts twice",
        [(0, B, 30), (5, P, 5), (20, P, 5)],
        [(B, 0, 5), (P, 5, 10), (B, 10, 20), (P, 20, 25), (B, 25, 40)],
    ),
    ("two paid at once", [(0, B, 10), (0, P, 10)], [(P, 0, 10), (B, 10, 20)]),
    ("paid in the order of payment, however they came", [(10, B, 30), (0, B, 30)], [(B, 0, 30), (B, 30, 60)]),
]


@pytest.mark.parametrize(("given_", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_was_bought_is_laid_out_in_time(
    given_: list[tuple[float, str, int]], expected: list[tuple[str, int, int]]
) -> None:
    found = [(s.grant.level, s.starts_at, s.ends_at) for s in laid_out(grants(*given_))]
    assert found == [(level, day(first), day(last)) for level, first, last in expected]


def test_a_level_ends_when_it_does_whatever_follows_it() -> None:
    mixed = laid_out(grants((0, B, 30), (10, P, 30), (12, P, 30)))
    assert standing(mixed, day(-1)) is FREE
    assert (standing(mixed, day(5)).level, standing(mixed, day(5)).expires_at) == (B, day(10))
    assert (standing(mixed, day(10)).level, standing(mixed, day(10)).expires_at) == (P, day(70))
    assert (standing(mixed, day(70)).level, standing(mixed, day(70)).expires_at) == (B, day(90))
    assert standing(mixed, day(90)) is FREE


def test_without_one_of_them_it_is_as_if_that_had_never_been() -> None:
    basic, premium = grants((0, B, 30), (10, P, 30))
    assert standing(laid_out([basic]), day(29)).expires_at == day(30)
    assert standing(laid_out([premium]), day(9)) is FREE
    assert standing(laid_out([premium]), day(39)).expires_at == day(40)


some = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(LEVELS), st.integers(1, 40)), min_size=1, max_size=8).map(
    lambda said: grants(*said)
)


@given(some)
def test_no_time_is_lost_or_given_twice_and_none_is_given_before_it_was_paid(all_of: list[Grant]) -> None:
    found = laid_out(all_of)
    for grant in all_of:
        own = [s for s in found if s.grant is grant]
        assert sum((s.ends_at - s.starts_at for s in own), timedelta()) == timedelta(days=grant.days)
        assert min(s.starts_at for s in own) >= grant.granted_at
    assert all(one.ends_at <= two.starts_at for one, two in pairwise(found))


@given(some)
def test_whatever_is_bought_moves_the_end_from_now_or_from_the_end_that_was(all_of: list[Grant]) -> None:
    ordered = sorted(all_of, key=lambda grant: (grant.granted_at, grant.id))
    *before, last = ordered
    end = max((s.ends_at for s in laid_out(before)), default=last.granted_at)
    assert laid_out(ordered)[-1].ends_at == max(end, last.granted_at) + timedelta(days=last.days)


@given(some, st.integers(0, 400))
def test_the_highest_that_is_paid_for_is_the_one_that_runs(all_of: list[Grant], at: int) -> None:
    found = laid_out(all_of)
    ahead = coming(found, day(at))
    later = [s.grant for s in found if s.grant.granted_at <= day(at) < s.ends_at]
    if later:
        assert LEVELS.index(ahead[0].grant.level) == max(LEVELS.index(grant.level) for grant in later)


@given(some, st.integers(0, 400))
def test_what_is_told_says_from_the_last_payment_on_what_the_whole_does(all_of: list[Grant], ahead: int) -> None:
    moment = max(grant.granted_at for grant in all_of) + timedelta(days=ahead)
    told = next((term for term in terms(all_of) if term.until > moment), None)
    stands = standing(laid_out(all_of), moment)
    assert (told.level if told else "free") == stands.level
    assert tuple(told.permissions if told else ()) == stands.permissions
