"""SUB-001..005: what a creator sells."""

import pytest

from tests.fixtures.budget import statements
from tests.subscriptions import build

MONTHLY = {"name": "Gold", "amount": 3000, "interval": "month"}


def create(shop, token=None, **fields):
    return shop.api.post("/subscriptions/create-plan", MONTHLY | fields, token=token or shop.creator_token)


def test_creating_a_plan_is_for_creators(shop) -> None:
    assert shop.api.post("/subscriptions/create-plan", MONTHLY).error == (401, "unauthenticated")
    assert create(shop, shop.token).error == (403, "creator_required")

    made = create(shop, benefits=["Q&A"], permissions=["downloads"], tier=2, trial_days=7, max_subscribers=5)

    assert made.status == 201
    assert made.data == {
        "plan_id": made.data["plan_id"],
        "creator": {
            "user_id": shop.creator,
            "username": made.data["creator"]["username"],
            "display_name": made.data["creator"]["username"].title(),
            "avatar_url": None,
        },
        "name": "Gold",
        "description": None,
        "tier": 2,
        "amount": 3000,
        "currency": "CNY",
        "interval": "month",
        "trial_days": 7,
        "benefits": ["Q&A"],
        "permissions": ["downloads"],
        "content_scope": "all",
        "max_subscribers": 5,
        "subscriber_count": 0,
        "status": "active",
    }


def test_a_creator_has_one_plan_of_a_name_and_others_may_have_it_too(shop) -> None:
    create(shop)
    assert create(shop).error == (409, "plan_name_exists")
    other = build.person(shop.house.sql)
    assert create(shop, shop.sign_in(other, roles=("creator",))).status == 201


@pytest.mark.parametrize("amount", [-1, 10**13 + 1, 2**70])
def test_an_amount_below_zero_or_beyond_all_reason_is_refused_by_its_name(shop, amount) -> None:
    assert create(shop, amount=amount).error == (422, "amount_invalid")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 51},
        {"interval": "week"},
        {"tier": 0},
        {"trial_days": -1},
        {"amount": 1.5},
        {"max_subscribers": 0},
        {"max_subscribers": 2**31},
        {"content_scope": "selected"},
        {"content_scope": "selected", "content_ids": []},
        {"content_ids": [5]},
        {"content_scope": "selected", "content_ids": [2**63]},
        {"colour": "red"},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(shop, fields) -> None:
    assert create(shop, **fields).error == (422, "validation_error")


def test_the_reason_is_given_in_the_callers_language(shop) -> None:
    body = MONTHLY | {"content_scope": "selected"}
    for language, word in {"en": "content_ids are named", "zh-CN": "选定内容"}.items():
        reply = shop.api.post(
            "/subscriptions/create-plan", body, token=shop.creator_token, headers={"accept-language": language}
        )
        assert word in reply.json["details"][0]["message"]


def test_a_plan_selects_only_own_contents(shop) -> None:
    own = build.work(shop.house.sql, shop.creator)
    foreign = build.work(shop.house.sql, shop.customer)
    selected = {"content_scope": "selected"}
    refused = create(shop, **selected, content_ids=[own, foreign])
    assert refused.error == (404, "content_not_found")
    assert refused.json["details"] == {"content_ids": [foreign]}
    assert create(shop, **selected, content_ids=[own]).data["content_scope"] == "selected"


def test_everyone_sees_plans_on_sale_lowest_tier_first(shop) -> None:
    high, low = shop.plan(tier=3), shop.plan(tier=1)
    shop.plan(status="archived")
    build.plan(shop.house.sql, shop.customer)

    listed = shop.api.get("/subscriptions/plans", query={"creator_id": shop.creator}).data

    assert [item["plan_id"] for item in listed["items"]] == [low, high]
    assert listed["total"] == 2
    assert shop.api.get("/subscriptions/plans").data["total"] == 3
    by_amount = shop.api.get("/subscriptions/plans", query={"sort_by": "tier", "sort_order": "desc"}).data
    assert by_amount["items"][0]["plan_id"] == high


def test_pages_of_plans_follow_each_other_by_cursor(shop) -> None:
    plans = [shop.plan(tier=tier) for tier in (1, 2, 2, 3)]
    seen, cursor = [], None
    for _ in range(4):
        query = {"page_size": 1} | ({"cursor": cursor} if cursor else {})
        page = shop.api.get("/subscriptions/plans", query=query).data
        seen += [item["plan_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (plans, None)


def test_archived_plans_are_listed_for_their_creator_only(shop) -> None:
    gone = shop.plan(status="archived")
    query = {"status": "archived", "creator_id": shop.creator}
    assert shop.api.get("/subscriptions/plans", query=query).error == (401, "unauthenticated")
    assert shop.api.get("/subscriptions/plans", query=query, token=shop.token).data["items"] == []
    own = shop.api.get("/subscriptions/plans", query=query, token=shop.creator_token).data["items"]
    assert [item["plan_id"] for item in own] == [gone]


def test_one_plan_is_read_by_anyone(shop) -> None:
    plan_id = shop.plan()
    assert shop.api.get(f"/subscriptions/plans/{plan_id}").data["plan_id"] == plan_id
    for nothing in (0, plan_id + 1000, 2**63 - 1):
        assert shop.api.get(f"/subscriptions/plans/{nothing}").error == (404, "plan_not_found")
    assert shop.api.get(f"/subscriptions/plans/{2**63}").status in {404, 422}


def change(shop, plan_id, body, token=None):
    return shop.api.put(f"/subscriptions/plans/{plan_id}", body, token=token or shop.creator_token)


def test_only_the_creator_changes_a_plan(shop) -> None:
    plan_id = shop.plan()
    stranger = shop.sign_in(build.person(shop.house.sql), roles=("creator",))
    assert shop.api.put(f"/subscriptions/plans/{plan_id}", {"tier": 2}).error == (401, "unauthenticated")
    assert change(shop, plan_id, {"tier": 2}, shop.token).error == (403, "creator_required")
    assert change(shop, plan_id, {"tier": 2}, stranger).error == (403, "not_plan_owner")
    assert change(shop, plan_id + 1000, {"tier": 2}).error == (404, "plan_not_found")
    assert change(shop, plan_id, {"tier": 2}).data["tier"] == 2


def test_what_is_not_sent_stays_and_null_empties(shop) -> None:
    plan_id = shop.plan(max_subscribers=5, benefits='["a"]', interval="year", amount=500)
    changed = change(shop, plan_id, {"description": "new", "max_subscribers": None}).data
    assert (changed["description"], changed["max_subscribers"]) == ("new", None)
    assert (changed["interval"], changed["amount"], changed["benefits"]) == ("year", 500, ["a"])
    assert change(shop, plan_id, {"benefits": None}).data["benefits"] == []
    assert change(shop, plan_id, {"name": None}).error == (422, "validation_error")
    assert change(shop, plan_id, {"amount": -5}).error == (422, "amount_invalid")


def test_a_plan_does_not_take_the_name_of_another(shop) -> None:
    shop.plan(name="Gold")
    silver = shop.plan(name="Silver")
    assert change(shop, silver, {"name": "Gold"}).error == (409, "plan_name_exists")
    assert change(shop, silver, {"name": "Silver"}).data["name"] == "Silver"


def test_a_selection_is_given_up_by_selecting_all(shop) -> None:
    own = build.work(shop.house.sql, shop.creator)
    plan_id = create(shop, content_scope="selected", content_ids=[own]).data["plan_id"]
    assert change(shop, plan_id, {"content_scope": "all"}).data["content_scope"] == "all"
    [(ids,)] = shop.house.sql("SELECT content_ids FROM subscriptions.subscription_plans WHERE plan_id = %s", (plan_id,))
    assert ids == []


def test_a_new_price_is_for_new_subscribers(shop) -> None:
    plan_id = shop.plan(amount=3000)
    subscription_id = shop.pay(plan_id)
    change(shop, plan_id, {"amount": 5000})
    [(kept,)] = shop.house.sql(
        "SELECT amount FROM subscriptions.user_subscriptions WHERE subscription_id = %s", (subscription_id,)
    )
    assert kept == 3000
    newcomer = build.person(shop.house.sql)
    assert shop.subscribe(plan_id, shop.sign_in(newcomer)).data["order"]["amount"] == 5000


def archive(shop, plan_id, token=None):
    return shop.api.delete(f"/subscriptions/plans/{plan_id}", token=token or shop.creator_token)


def test_an_archived_plan_is_not_sold_and_what_runs_ends_with_its_period(shop) -> None:
    plan_id = shop.plan()
    running = shop.pay(plan_id)
    pending, order_no = shop.bought(plan_id, late := shop.sign_in(buyer := build.person(shop.house.sql)))
    stranger = shop.sign_in(build.person(shop.house.sql), roles=("creator",))
    assert shop.api.delete(f"/subscriptions/plans/{plan_id}").error == (401, "unauthenticated")
    assert archive(shop, plan_id, stranger).error == (403, "not_plan_owner")
    assert archive(shop, plan_id + 1000).error == (404, "plan_not_found")

    assert archive(shop, plan_id).data["status"] == "archived"
    assert archive(shop, plan_id).data["status"] == "archived", "once more changes nothing"

    assert shop.status(running)["status"] == "active"
    assert shop.status(running)["cancel_at_period_end"] is True
    newcomer = shop.sign_in(build.person(shop.house.sql))
    assert shop.subscribe(plan_id, newcomer).error == (409, "plan_archived")
    shop.hear(build.paid(order_no, pending, buyer))
    assert shop.status(pending, late)["status"] == "active", "who paid gets what was paid for"
    assert shop.status(pending, late)["cancel_at_period_end"] is True


def test_plans_keep_to_their_statement_budgets(shop) -> None:
    plan_id = shop.plan()
    names = iter("abcdefgh")
    calls = {
        "list": lambda: shop.api.get("/subscriptions/plans"),
        "read": lambda: shop.api.get(f"/subscriptions/plans/{plan_id}"),
        "create": lambda: create(shop, name=next(names)),
        "update": lambda: change(shop, plan_id, {"tier": 2}),
        "archive": lambda: archive(shop, plan_id),
    }
    counted = {name: statements(shop.house, "subscriptions", call) for name, call in calls.items()}
    assert counted == {"list": 1, "read": 1, "create": 1, "update": 2, "archive": 2}
