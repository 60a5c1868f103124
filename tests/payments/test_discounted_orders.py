"""PAY-010 with discounts: the order costs what the quote says, and finance hears what the platform bore."""

from typing import Any

import pytest

from functions.payments import expire_orders
from shared import clock
from shared.views.prices import Wish, quote
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, PRICE, SELLER, MortalGateway, add_work
from tests.payments.test_orders_http import pay


@pytest.fixture
def buyer(sign_in) -> str:
    return str(sign_in(BUYER))


def campaign(house: House, percent: int) -> int:
    [(promotion_id,)] = house.sql(
        """
        INSERT INTO subscriptions.promotions (name, kind, value, targets, starts_at, ends_at, stackable, status, created_at,
            updated_at)
        VALUES ('p', 'percent', %s, '{"all": true}', now() - interval '1 day', now() + interval '1 day', false, 'scheduled',
            now(), now()) RETURNING promotion_id
        """,
        (percent,),
    )
    return int(promotion_id)


def coupon(house: House, fen: int) -> None:
    house.sql(
        """
        INSERT INTO subscriptions.coupons (code, owner_id, name, kind, value, min_amount, target_type, target_ids,
            total_quantity, per_user_limit, starts_at, ends_at, status, created_at, updated_at)
        VALUES ('SELLERS', %s, 'c', 'amount', %s, 0, 'content', '{}', 9, 1, now() - interval '1 day', now() + interval '1 day',
            'active', now(), now())
        """,
        (SELLER, fen),
    )


def ordered(shop: Api, work_id: int, buyer: str, **fields: Any) -> Any:
    return shop.post("/payments/orders", {"kind": "content", "target_id": work_id} | fields, token=buyer)


def test_quote_order_attempt_and_fact_agree_to_the_fen(shop: Api, house: House, buyer: str, vendor: MortalGateway) -> None:
    work_id, promotion_id = add_work(house.sql), campaign(house, 10)
    coupon(house, 100)
    with house.acting("payments") as db:
        said = quote(db, Wish("content", work_id, BUYER, "sellers"), clock.now())
    assert said is not None
    order = ordered(shop, work_id, buyer, coupon_code="sellers").data
    off = PRICE // 10
    assert (
        order["payable_amount"] == said.payable == PRICE - off - 100 == sum(line["amount"] for line in order["price_lines"])
    )
    assert [line["source"] for line in order["price_lines"]] == ["content", "promotion", "coupon"]
    assert all(set(line) == {"source", "id", "amount"} for line in order["price_lines"])
    assert order["price_lines"][1] == {"source": "promotion", "id": promotion_id, "amount": -off}
    pay(shop, vendor, order["order_no"], buyer)
    [fact] = house.facts("payments.order_paid.v1")
    assert (fact["amount"], fact["platform_discount"]) == (order["payable_amount"], off)
    assert ordered(shop, add_work(house.sql), buyer, coupon_code="SELLERS").json["details"] == {
        "reason": "coupon_limit_reached"
    }


def test_an_order_with_nothing_to_pay_is_paid_and_told_of_at_once(shop: Api, house: House, buyer: str) -> None:
    campaign(house, 100)
    work_id = add_work(house.sql)
    order = ordered(shop, work_id, buyer).data
    assert (order["status"], order["payable_amount"]) == ("paid", 0)
    [fact] = house.facts("payments.order_paid.v1")
    assert (fact["order_no"], fact["amount"], fact["platform_discount"]) == (order["order_no"], 0, PRICE)
    assert ordered(shop, work_id, buyer).error == (409, "already_owned")


def test_one_that_others_opened_is_told_of_once_by_the_next_run(shop: Api, house: House) -> None:
    now = clock.now()
    lines = '[{"source": "plan", "id": 1, "amount": 3000}, {"source": "coupon", "id": 1, "amount": -3000, "borne_by": "platform"}]'
    house.sql(
        "SELECT commerce.open_order('subscriptions', 'subscription', 1, %s, %s, 't', 3000, 3000, 'CNY', %s, 'N1', %s, %s)",
        (BUYER, SELLER, lines, now, now),
    )
    for _ in range(2):
        with house.acting("payments"):
            expire_orders.handler({}, None)
    [fact] = house.facts("payments.order_paid.v1")
    assert (fact["order_no"], fact["payment_no"], fact["platform_discount"]) == ("N1", "N1", 3000)
