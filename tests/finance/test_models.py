"""The pure rules: dividing money, and what a payout needs next."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.finance.models import PLATFORM, Shares
from functions.finance.withdrawal import MAX_RETRIES, Transfer, next_step
from shared.money import Money

AT = datetime(2026, 3, 1, tzinfo=UTC)
rates = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("gross", "fee_bp", "rate_bp", "shares"),
    [
        (10_000, 60, 8_000, (60, 1_988, 7_952)),
        (1_999, 60, 8_000, (12, 398, 1_589)),
        (250, 60, 8_000, (2, 50, 198)),  # 1.5 fen of fee: half to even
        (750, 60, 8_000, (4, 150, 596)),  # 4.5 fen of fee: half to even
        (1, 60, 8_000, (0, 1, 0)),  # the creator's 0.8 fen is rounded down, the platform takes it
        (10_000, 0, 8_000, (0, 2_000, 8_000)),
        (10_000, 60, 0, (60, 9_940, 0)),
        (10_000, 60, 10_000, (60, 0, 9_940)),
        (0, 60, 8_000, (0, 0, 0)),
    ],
)
def test_a_sale_is_divided_by_the_rules(gross: int, fee_bp: int, rate_bp: int, shares: tuple[int, int, int]) -> None:
    made = Shares.of_sale(Money(gross), fee_bp=fee_bp, rate_bp=rate_bp)
    assert (made.channel_fee.minor, made.platform.minor, made.creator.minor) == shares


@given(gross=st.integers(0, 10**10), fee_bp=st.integers(0, 10_000), rate_bp=rates)
def test_the_shares_of_a_sale_sum_to_it(gross: int, fee_bp: int, rate_bp: int) -> None:
    made = Shares.of_sale(Money(gross), fee_bp=fee_bp, rate_bp=rate_bp)
    parts = (made.channel_fee.minor, made.platform.minor, made.creator.minor)
    assert min(parts) >= 0
    assert sum(parts) == gross


@given(data=st.data(), gross=st.integers(1, 9) | st.integers(1, 10_000), fee_bp=st.integers(0, 10_000), rate_bp=rates)
def test_refunds_in_any_number_of_parts_take_back_exactly_what_was_given(
    data: st.DataObject, gross: int, fee_bp: int, rate_bp: int
) -> None:
    discount = Money(data.draw(st.just(0) | st.integers(1, 10_000)))
    sale = Shares.of_sale(Money(gross), fee_bp=fee_bp, rate_bp=rate_bp, discount=discount)
    stops = sorted(data.draw(st.sets(st.integers(1, gross), max_size=8)) | {gross})
    before = sale.of_refund(Money(0))
    taken = [0, 0, 0]
    for stop in stops:
        so_far = sale.of_refund(Money(stop))
        part = so_far.minus(before)
        amounts = [part.channel_fee.minor, part.platform.minor, part.creator.minor]
        assert min(*amounts, part.discount.minor) >= 0
        assert so_far.charged == Money(stop)
        assert sum(amounts) == part.gross.minor
        taken = [a + b for a, b in zip(taken, amounts, strict=True)]
        before = so_far
    assert taken == [sale.channel_fee.minor, sale.platform.minor, sale.creator.minor]
    assert before == sale


@given(charged=st.integers(0, 10**9), discount=st.integers(0, 10**9), fee_bp=st.integers(0, 10_000), rate_bp=rates)
def test_a_discount_of_the_platform_costs_the_creator_no_more_than_the_fee_saves(
    charged: int, discount: int, fee_bp: int, rate_bp: int
) -> None:
    """The creator is paid as for the whole price; the channel's fee is of what it carried."""
    made = Shares.of_sale(Money(charged), fee_bp=fee_bp, rate_bp=rate_bp, discount=Money(discount))
    whole = Shares.of_sale(Money(charged + discount), fee_bp=fee_bp, rate_bp=rate_bp)
    assert made.creator >= whole.creator
    assert made.channel_fee == Money(charged).portion_bp(fee_bp)
    assert sum(made.credited(5, "alipay").values()) == 0


@pytest.mark.parametrize("gross", range(1, 15))
def test_refunds_fen_by_fen_never_take_a_part_back_that_was_not_given(gross: int) -> None:
    """Every division of a small sale: rounding the parts one by one overdraws the platform's at 3 = 1 + 1 + 1."""
    for fee in range(gross + 1):
        for creator in range(gross - fee + 1):
            sale = Shares(Money(gross), Money(fee), Money(gross - fee - creator), Money(creator))
            walked = [sale.of_refund(Money(fen)) for fen in range(gross + 1)]
            for before, after in pairwise(walked):
                part = after.minus(before)
                assert min(part.channel_fee.minor, part.platform.minor, part.creator.minor) >= 0
            assert walked[-1] == sale


def test_a_sale_of_the_platform_has_no_creators_line() -> None:
    made = Shares.of_sale(Money(10_000), fee_bp=60, rate_bp=0)
    assert made.credited(PLATFORM, "alipay") == {
        "channel:alipay": -10_000, "platform:fees": 60, "platform:income": 9_940,
    }  # fmt: skip


def transfer(status: str, code: str | None = None, asked: int = 0) -> Transfer:
    return Transfer("T", 1, 100, status, None, code, None, asked, AT)  # type: ignore[arg-type]  # any of the four


BROKE = "PAYER_BALANCE_NOT_ENOUGH"


@pytest.mark.parametrize(
    ("status", "transfers", "step"),
    [
        ("pending", [], ("end", 0)),
        ("rejected", [], ("end", 0)),
        ("paid", [transfer("succeeded")], ("end", 0)),
        ("approved", [], ("send", 0)),
        ("processing", [transfer("open")], ("poll", 10)),
        ("processing", [transfer("open", asked=3)], ("poll", 120)),
        ("processing", [transfer("open", asked=999)], ("poll", 3600)),
        ("processing", [transfer("succeeded")], ("finish", 0)),
        ("processing", [transfer("returned")], ("finish", 0)),
        ("processing", [transfer("failed", BROKE)], ("send", 60)),
        ("processing", [transfer("failed", BROKE)] * MAX_RETRIES, ("send", 900)),
        ("processing", [transfer("failed", BROKE)] * (MAX_RETRIES + 1), ("finish", 0)),
        ("processing", [transfer("failed", "PAYEE_NOT_EXIST")], ("finish", 0)),
        ("processing", [transfer("failed", BROKE), transfer("open")], ("poll", 10)),
    ],
)
def test_what_a_payout_needs_next_is_read_from_its_rows(
    status: str, transfers: list[Transfer], step: tuple[str, int]
) -> None:
    assert next_step(status, transfers) == step
