"""Money is whole minor units, and no split loses or makes any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import CurrencyMismatchError, Money, divide_half_even

fen = st.integers(min_value=-(10**12), max_value=10**12)


def test_a_float_is_not_an_amount() -> None:
    with pytest.raises(TypeError):
        Money(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "minor"), [("0.01", 1), ("12.30", 1230), ("100", 10000), ("-3.07", -307)])
def test_yuan_and_back(text: str, minor: int) -> None:
    assert Money.from_yuan(text) == Money(minor)
    assert Money.from_yuan(Money(minor).to_yuan()) == Money(minor)


@pytest.mark.parametrize("text", ["0.001", "abc", "", "NaN", "1e400000", "Infinity"])
def test_what_is_not_a_whole_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Money.from_yuan(text)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatchError):
        Money(1) + Money(1, "USDT")
    with pytest.raises(CurrencyMismatchError):
        _ = Money(1) < Money(1, "USDT")


@given(st.integers(min_value=0, max_value=10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_an_allocation_sums_to_the_whole(minor: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        with pytest.raises(ValueError):
            Money(minor).allocate(weights)
        return
    parts = Money(minor).allocate(weights)
    assert sum(part.minor for part in parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor * sum(weights) - minor * weight) < sum(weights)


@pytest.mark.parametrize(("n", "d", "q"), [(5, 10, 0), (15, 10, 2), (25, 10, 2), (26, 10, 3), (-5, 10, 0), (-15, 10, -2)])
def test_rounding_is_half_even(n: int, d: int, q: int) -> None:
    assert divide_half_even(n, d) == q


@given(fen)
def test_a_fee_and_its_rest_make_the_gross(minor: int) -> None:
    gross = Money(minor)
    assert gross.portion_bp(60) + (gross - gross.portion_bp(60)) == gross
    assert gross.floor_bp(8000) <= gross.portion_bp(8000)
