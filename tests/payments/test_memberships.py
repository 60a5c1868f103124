"""PAY-010 for memberships of the platform; and one person is one buyer, whichever of their accounts orders."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.finance import on_order_paid as books
from shared import clock
from shared.views.prices import Wish, quote
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, MortalGateway
from tests.payments.test_discounted_orders import campaign, coupon, ordered
from tests.payments.test_merge import KEPT, merged  # noqa: F401 - a fixture
from tests.payments.test_orders_http import pay
from tests.subscriptions import build


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


def order(shop: Api, plan_id: int, token: str, **fields: Any) -> Any:
    return shop.post("/payments/orders", {"kind": "membership", "target_id": plan_id} | fields, token=token)


def test_quote_order_attempt_fact_and_ledger_agree_and_no_creator_is_paid(
    shop: Api, house: House, buyer: str, vendor: MortalGateway
) -> None:
    plan_id = build.membership_plan(house.sql, "premium", amount=9999, name="Premium 月卡")
    campaign(house, 10)
    with house.acting("payments") as db:
        said = quote(db, Wish("membership", plan_id, BUYER), clock.now())
    assert said is not None
    made = order(shop, plan_id, buyer).data
    assert (made["kind"], made["target_id"], made["title"]) == ("membership", plan_id, "Premium 月卡")
    assert made["payable_amount"] == said.payable == 9999 - 999 == sum(line["amount"] for line in made["price_lines"])
    kept = "SELECT user_id, plan_id, level, duration_days, status FROM subscriptions.user_memberships WHERE order_no = %s"
    assert house.sql(kept, (made["order_no"],)) == [(BUYER, plan_id, "premium", 30, "open")]
    pay(shop, vendor, made["order_no"], buyer)
    [fact] = house.facts("payments.order_paid.v1")
    assert (fact["amount"], fact["seller_id"], fact["platform_discount"]) == (made["payable_amount"], 0, 0)
    with house.acting("finance"):
        assert books.handler(build.messages(fact), None) == {"batchItemFailures": []}
    posted = dict(
        house.sql(
            "SELECT split_part(a.name, ':', 1), sum(p.amount)::bigint FROM finance.ledger_postings p"
            " JOIN finance.ledger_accounts a USING (account_id) GROUP BY 1"
        )
    )
    assert posted == {"channel": -made["payable_amount"], "platform": made["payable_amount"]}


def test_a_membership_may_be_ordered_again_and_again_but_not_when_it_is_withdrawn(
    shop: Api, house: House, buyer: str, vendor: MortalGateway
) -> None:
    plan_id = build.membership_plan(house.sql)
    pay(shop, vendor, order(shop, plan_id, buyer).data["order_no"], buyer)
    assert order(shop, plan_id, buyer).status == 201
    house.sql("UPDATE subscriptions.membership_plans SET is_active = false")
    assert order(shop, plan_id, buyer).error == (409, "not_for_sale")
    assert len(house.sql("SELECT 1 FROM subscriptions.user_memberships")) == 2


def test_a_creators_coupon_is_none_for_what_the_platform_sells(shop: Api, house: House, buyer: str) -> None:
    coupon(house, 100)
    refused = order(shop, build.membership_plan(house.sql), buyer, coupon_code="SELLERS")
    assert refused.error == (422, "coupon_not_applicable")


def test_one_whose_price_a_campaign_covers_is_paid_and_told_of_at_once(shop: Api, house: House, buyer: str) -> None:
    campaign(house, 100)
    made = order(shop, build.membership_plan(house.sql), buyer).data
    assert (made["status"], made["payable_amount"]) == ("paid", 0)
    [fact] = house.facts("payments.order_paid.v1")
    assert (fact["order_no"], fact["kind"], fact["platform_discount"]) == (made["order_no"], "membership", 0)


@pytest.mark.parametrize(("state", "status"), [("merged", 409), ("undone", 201)])
def test_what_any_account_of_a_person_bought_is_theirs_while_they_are_one(
    merged: Callable[[str], Any],  # noqa: F811 - the fixture
    shop: Api,
    house: House,
    sign_in: Callable[..., str],
    state: str,
    status: int,
) -> None:
    order_no = merged(state)
    [(work_id,)] = house.sql("SELECT target_id FROM payments.payment_orders WHERE order_no = %s", (order_no,))
    assert ordered(shop, work_id, sign_in(KEPT)).status == status


def test_a_coupon_for_one_use_is_used_by_the_person_not_by_the_account(
    merged: Callable[[str], Any],  # noqa: F811 - the fixture
    shop: Api,
    house: House,
    sign_in: Callable[..., str],
) -> None:
    merged("undone")
    coupon(house, 100)
    works = [build.work(house.sql, 200, "paid") for _ in range(2)]
    house.sql("UPDATE subscriptions.coupons SET owner_id = 200")
    assert ordered(shop, works[0], sign_in(BUYER), coupon_code="SELLERS").status == 201
    with house.acting("payments") as db:
        apart = quote(db, Wish("content", works[1], KEPT, "SELLERS"), clock.now())
        house.sql("UPDATE identity.account_merges SET status = 'merged', undone_at = NULL")
        together = quote(db, Wish("content", works[1], KEPT, "SELLERS"), clock.now())
    assert apart is not None
    assert together is not None
    assert (apart.refused, together.refused) == (None, "coupon_limit_reached")
