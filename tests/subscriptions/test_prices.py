"""The computation of prices, alone: rule, then promotions, then coupon."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import coupon_codes
from shared.pricing import Coupon, Promotion, Rule, platform_discount, price, total
from shared.views.prices import Price, Terms

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rule(rule_id: int = 1, kind: Any = "early_bird", priority: int = 0, **fields) -> Rule:
    config = {"early_bird": {"first_n": 100}, "bulk": {"min_quantity": 3}, "time_window": {}, "demand": {}}[
        kind
    ] | fields.pop(
        "config", {"percent_off": 10} if kind != "demand" else {"thresholds": [{"sold_gte": 0, "adjust_percent": -10}]}
    )
    return Rule(rule_id, kind, config, priority, **fields)


def promotion(
    promotion_id: int = 1, kind: Any = "percent", value: int = 10, *, stackable: bool = False, **fields
) -> Promotion:
    return Promotion(promotion_id, kind, value, stackable, **fields)


def lines(list_amount: int, rules=(), promotions=(), coupon=None, **more) -> list[tuple[str, int, int]]:
    return [(line.source, line.id, line.amount) for line in price(list_amount, rules, promotions, coupon, NOON, **more)]


def test_without_anything_the_list_price_stands() -> None:
    assert lines(1000) == []


def test_the_highest_priority_decides_and_of_equals_the_lowest_price() -> None:
    low, high = rule(1, priority=5), rule(2, priority=6, config={"percent_off": 1})
    assert lines(1000, [low, high]) == [("rule", 2, -10)]
    assert lines(1000, [low, rule(3, priority=5, config={"percent_off": 20})]) == [("rule", 3, -200)]


def test_a_window_is_open_from_its_start_until_its_end() -> None:
    window = rule(kind="time_window", starts_at=NOON, ends_at=NOON + HOUR)
    asked = [price(1000, [window], [], None, NOON + offset) for offset in (-timedelta(seconds=1), timedelta(0), HOUR)]
    assert [total(found) for found in asked] == [0, -100, 0]


def test_demand_follows_the_highest_threshold_reached_and_may_raise_the_price() -> None:
    steps = {"thresholds": [{"sold_gte": 10, "adjust_percent": 15}, {"sold_gte": 0, "adjust_percent": -5}]}
    by_demand = rule(kind="demand", config=steps)
    assert lines(999, [by_demand], sold=9) == [("rule", 1, -49)]
    assert lines(999, [by_demand], sold=10) == [("rule", 1, 149)]


def test_the_early_bird_is_among_the_first_and_bulk_has_enough() -> None:
    early = rule(config={"first_n": 3, "amount_off": 300})
    assert lines(1000, [early], sold=2) == [("rule", 1, -300)]
    assert lines(1000, [early], sold=3) == []
    bulk = rule(kind="bulk", config={"amount_off": 100})
    assert lines(3000, [bulk], quantity=3) == [("rule", 1, -300)]
    assert lines(2000, [bulk], quantity=2) == []


def test_the_best_single_promotion_or_all_stackable_ones_whichever_is_less() -> None:
    stack = [promotion(1, value=10, stackable=True), promotion(2, "amount", 100, stackable=True)]
    assert lines(1000, [], [*stack, promotion(3, value=15)]) == [("promotion", 1, -100), ("promotion", 2, -100)]
    assert lines(1000, [], [*stack, promotion(3, value=25)]) == [("promotion", 3, -250)]


def test_a_flash_sale_has_its_price_while_pieces_are_left() -> None:
    assert lines(1000, [], [promotion(1, "flash_sale", 300, stock_left=1)]) == [("promotion", 1, -700)]
    assert lines(1000, [], [promotion(1, "flash_sale", 300, stock_left=0)]) == []
    assert lines(200, [], [promotion(1, "flash_sale", 300, stock_left=1)]) == []


def test_a_budget_that_does_not_reach_is_not_touched() -> None:
    assert lines(1000, [], [promotion(budget_left=99)]) == []
    assert lines(1000, [], [promotion(budget_left=100)]) == [("promotion", 1, -100)]


def test_percent_floors_to_the_fen_and_is_capped() -> None:
    assert lines(999, [], [], Coupon(1, "percent", 33)) == [("coupon", 1, -329)]
    assert lines(999, [], [], Coupon(1, "percent", 33, max_discount=50)) == [("coupon", 1, -50)]


def test_the_coupon_comes_last_and_never_below_nothing() -> None:
    found = lines(1000, [rule()], [promotion(value=50)], Coupon(7, "amount", 9999))
    assert found == [("rule", 1, -100), ("promotion", 1, -450), ("coupon", 7, -450)]


@pytest.mark.parametrize(
    ("coupon", "amount", "kind", "reason"),
    [
        (Coupon(1, "amount", 5, min_amount=1001), 1000, "plan", "coupon_not_applicable"),
        (Coupon(1, "free_days", 5), 1000, "content", "coupon_not_applicable"),
        (Coupon(1, "free_days", 5), 1000, "plan", None),
        (Coupon(1, "amount", 5), 0, "plan", "coupon_not_applicable"),
        (Coupon(1, "amount", 5, budget_left=4), 1000, "plan", "coupon_exhausted"),
        (Coupon(1, "amount", 5, refused="coupon_expired"), 1000, "plan", "coupon_expired"),
    ],
)
def test_a_coupon_says_why_it_does_not_apply(coupon: Coupon, amount: int, kind, reason) -> None:
    assert coupon.refusal(amount, kind) == reason
    assert bool(price(amount, [], [], coupon, NOON, kind=kind)) == (reason is None)


RULES = st.builds(
    lambda n, kind, priority, percent, amount, n_sold: rule(
        n,
        kind,
        priority,
        config={"thresholds": [{"sold_gte": n_sold, "adjust_percent": percent}]}
        if kind == "demand"
        else {"percent_off": abs(percent) or 1}
        if percent % 2
        else {"amount_off": amount},
    ),
    st.integers(1, 9),
    st.sampled_from(["early_bird", "bulk", "time_window", "demand"]),
    st.integers(-3, 3),
    st.integers(-100, 100),
    st.integers(1, 10**6),
    st.integers(0, 50),
)
PROMOTIONS = st.builds(
    lambda n, kind, value, stackable, budget: promotion(
        n, kind, value % 100 + 1 if kind == "percent" else value, stackable=stackable, budget_left=budget
    ),
    st.integers(1, 9),
    st.sampled_from(["percent", "amount", "flash_sale"]),
    st.integers(1, 10**6),
    st.booleans(),
    st.none() | st.integers(0, 10**6),
)
COUPONS = st.none() | st.builds(
    Coupon,
    st.just(7),
    st.sampled_from(["percent", "amount", "free_days"]),
    st.integers(1, 100),
    min_amount=st.integers(0, 1000),
    max_discount=st.none() | st.integers(0, 1000),
    owner_id=st.none() | st.just(5),
)


@given(
    st.integers(0, 10**7),
    st.lists(RULES, max_size=4),
    st.lists(PROMOTIONS, max_size=4, unique_by=lambda one: one.promotion_id),
    COUPONS,
    st.integers(1, 5),
    st.integers(0, 200),
)
def test_the_lines_lead_from_the_list_price_to_what_is_paid(unit, rules, promotions, coupon, quantity, sold) -> None:
    list_amount = unit * quantity
    found = price(list_amount, rules, promotions, coupon, NOON, quantity=quantity, sold=sold)
    made = Price(Terms(1, 5, unit, sold, rules, promotions, None, coupon, None), list_amount, found, None)
    assert made.payable == list_amount + total(found) >= 0
    assert sum(line["amount"] for line in made.order_lines("plan")) == made.payable == made.gross - made.discount
    assert 0 <= made.discount <= made.gross
    assert [line.source for line in found] == sorted(
        (line.source for line in found), key=["rule", "promotion", "coupon"].index
    )
    assert sum(line.source == "coupon" for line in found) <= 1
    assert sum(line.source == "rule" for line in found) <= 1
    assert all(line.amount <= 0 for line in found if line.source != "rule")
    borne = -sum(line.amount for line in found if line.borne_by == "platform")
    assert platform_discount(made.order_lines("plan")) == borne <= made.discount
    for one in promotions:
        spent = -sum(line.amount for line in found if (line.source, line.id) == ("promotion", one.promotion_id))
        assert one.budget_left is None or spent <= one.budget_left


@given(st.integers(0, 10**7), st.lists(PROMOTIONS, max_size=4, unique_by=lambda one: one.promotion_id), COUPONS)
def test_the_order_of_what_is_given_does_not_matter(amount, promotions, coupon) -> None:
    assert price(amount, [], promotions, coupon, NOON) == price(amount, [], promotions[::-1], coupon, NOON)


def test_who_bears_a_discount_is_whose_idea_it_was() -> None:
    found = price(1000, [rule()], [promotion(value=50)], Coupon(7, "amount", 100, owner_id=5), NOON)
    assert [(line.source, line.borne_by) for line in found] == [
        ("rule", "creator"),
        ("promotion", "platform"),
        ("coupon", "creator"),
    ]
    assert price(1000, [], [], Coupon(7, "amount", 100), NOON)[0].borne_by == "platform"


@given(st.binary(min_size=32, max_size=32), st.integers(0, coupon_codes.MOST - 1))
def test_the_fast_codes_are_the_plain_ones(key: bytes, serial: int) -> None:
    some = list(coupon_codes.codes("AB3Z", key, 3))
    assert some == [coupon_codes.code("AB3Z", key, number) for number in range(3)]
    assert coupon_codes.code("AB3Z", key, serial) != coupon_codes.code("AB3Z", key[::-1] + b"x", serial)
