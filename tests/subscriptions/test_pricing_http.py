"""SUB-029 to SUB-033: a creator's pricing rules, and the quote."""

from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions.pricing import handler
from shared import clock
from tests.fixtures.budget import statements
from tests.subscriptions import build


@pytest.fixture
def till(api):
    return api(handler, "subscriptions")


def rule_of(plan_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "target_type": "plan",
        "target_id": plan_id,
        "kind": "early_bird",
        "config": {"first_n": 5, "percent_off": 20},
    } | fields


def quoted(till, target_id: int, kind: str = "plan", token=None, **query) -> Any:
    return till.get("/pricing/quote", token=token, query={"target_type": kind, "target_id": str(target_id)} | query)


def test_a_rule_is_made_listed_changed_and_deleted(shop, till) -> None:
    plan_id = shop.plan()
    made = till.post("/pricing/rules", rule_of(plan_id), token=shop.creator_token)
    assert made.status == 201
    assert made.data | {"rule_id": 0} == {
        "rule_id": 0,
        "target_type": "plan",
        "target_id": plan_id,
        "kind": "early_bird",
        "config": {"first_n": 5, "percent_off": 20},
        "priority": 0,
        "starts_at": None,
        "ends_at": None,
        "is_active": True,
    }
    rule_id = made.data["rule_id"]
    assert quoted(till, plan_id).data["lines"] == [{"source": "rule", "id": rule_id, "amount": -600}]
    changed = till.put(f"/pricing/rules/{rule_id}", {"is_active": False}, token=shop.creator_token)
    assert (changed.data["is_active"], changed.data["config"]) == (False, {"first_n": 5, "percent_off": 20})
    assert quoted(till, plan_id).data["lines"] == []
    listed = till.get("/pricing/rules", token=shop.creator_token, query={"target_id": str(plan_id)})
    assert [one["rule_id"] for one in listed.data["items"]] == [rule_id]
    assert till.delete(f"/pricing/rules/{rule_id}", token=shop.creator_token).data == {"deleted": True}
    assert till.delete(f"/pricing/rules/{rule_id}", token=shop.creator_token).error == (404, "rule_not_found")


@pytest.mark.parametrize(
    "fields",
    [
        {"config": {"percent_off": 20}},
        {"config": {"first_n": 5}},
        {"config": {"first_n": 5, "percent_off": 20, "amount_off": 5}},
        {"config": {"first_n": 5, "percent_off": 20, "min_quantity": 5}},
        {"kind": "bulk", "config": {"percent_off": 20}},
        {"kind": "time_window", "config": {"percent_off": 20}},
        {"kind": "demand", "config": {"thresholds": []}},
        {"kind": "demand", "config": {"thresholds": [{"sold_gte": 1, "adjust_percent": 1}] * 2}},
        {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(shop, till, fields) -> None:
    refused = till.post("/pricing/rules", rule_of(shop.plan()) | fields, token=shop.creator_token)
    assert refused.error == (422, "rule_config_invalid")


def test_rules_are_for_own_things_only(shop, till, sign_in) -> None:
    plan_id, work_id = shop.plan(), build.work(shop.house.sql, shop.creator, "paid")
    made = till.post("/pricing/rules", rule_of(plan_id), token=shop.creator_token).data["rule_id"]
    other = sign_in(build.person(shop.house.sql), roles=("creator",))
    assert till.post("/pricing/rules", rule_of(plan_id), token=other).error == (403, "not_plan_owner")
    of_work = rule_of(work_id, target_type="content")
    assert till.post("/pricing/rules", of_work, token=other).error == (404, "target_not_found")
    assert till.post("/pricing/rules", of_work, token=shop.creator_token).status == 201
    assert till.post("/pricing/rules", rule_of(10**9), token=other).error == (404, "target_not_found")
    assert till.put(f"/pricing/rules/{made}", {"priority": 1}, token=other).error == (403, "not_rule_owner")
    assert till.delete(f"/pricing/rules/{made}", token=other).error == (404, "rule_not_found")
    assert till.get("/pricing/rules", token=other).data["items"] == []


def test_a_quote_is_one_round_trip_and_says_how_long_it_means_something(noon, shop, till) -> None:
    plan_id = shop.plan()
    ends = noon + timedelta(minutes=3)
    window = rule_of(plan_id, kind="time_window", config={"amount_off": 100}, ends_at=ends.isoformat())
    rule_id = till.post("/pricing/rules", window, token=shop.creator_token).data["rule_id"]
    assert quoted(till, plan_id, quantity="2").data == {
        "list_amount": 6000,
        "lines": [{"source": "rule", "id": rule_id, "amount": -200}],
        "payable_amount": 5800,
        "currency": "CNY",
        "valid_until": clock.rfc3339(ends),
    }
    assert statements(shop.house, "subscriptions", lambda: quoted(till, plan_id)) == 1
    with clock.frozen(ends):
        assert quoted(till, plan_id).data["payable_amount"] == 3000


def test_what_is_not_on_sale_has_no_price(shop, till) -> None:
    archived, free = shop.plan(status="archived"), build.work(shop.house.sql, shop.creator, "free")
    assert quoted(till, archived).error == (404, "target_not_found")
    assert quoted(till, free, "content").error == (404, "target_not_found")
    assert quoted(till, 10**9, "membership").error == (404, "target_not_found")
    sold = build.work(shop.house.sql, shop.creator, "paid")
    assert quoted(till, sold, "content").data["payable_amount"] == 990
    assert quoted(till, sold, "content", coupon_code="NONE").error == (422, "coupon_not_applicable")


def test_demand_counts_what_was_sold(shop, till) -> None:
    plan_id = shop.plan()
    steps = [{"sold_gte": 1, "adjust_percent": 10}]
    till.post("/pricing/rules", rule_of(plan_id, kind="demand", config={"thresholds": steps}), token=shop.creator_token)
    assert quoted(till, plan_id).data["payable_amount"] == 3000
    shop.pay(plan_id)
    assert quoted(till, plan_id).data["payable_amount"] == 3300
