"""SUB-019 to SUB-023: coupons made by creators and used by buyers, and what becomes of their places."""

from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions import release_discounts
from functions.subscriptions.pricing import handler
from shared import clock
from tests.subscriptions import build

DAY = timedelta(days=1)


@pytest.fixture
def till(api):
    return api(handler, "subscriptions")


def wish(**fields: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "name": "Spring",
        "kind": "percent",
        "value": 20,
        "target_type": "all",
        "total_quantity": 10,
        "starts_at": (now - DAY).isoformat(),
        "ends_at": (now + DAY).isoformat(),
    } | fields


def made(till, shop, **fields: Any) -> dict[str, Any]:
    reply = till.post("/coupons/create", wish(**fields), token=shop.creator_token)
    assert reply.status == 201, reply.text
    coupon: dict[str, Any] = reply.data
    return coupon


def used(shop, coupon: dict[str, Any]) -> int:
    [(number,)] = shop.house.sql("SELECT used FROM subscriptions.coupons WHERE coupon_id = %s", (coupon["coupon_id"],))
    return int(number)


def redemption(shop, order_no: str) -> tuple[str, int]:
    [row] = shop.house.sql("SELECT status, discount FROM subscriptions.coupon_redemptions WHERE order_no = %s", (order_no,))
    return str(row[0]), int(row[1])


def order(shop, order_no: str) -> tuple[Any, ...]:
    [row] = shop.house.sql(
        "SELECT amount, discount_amount, payable_amount, status FROM payments.payment_orders WHERE order_no = %s",
        (order_no,),
    )
    return tuple(row)


def test_a_coupon_is_made_with_a_code_of_its_own_or_a_chosen_one(shop, till) -> None:
    first = made(till, shop)
    assert (first["used"], first["status"], len(first["code"])) == (0, "active", 10)
    assert made(till, shop, code="SPRING-26")["code"] == "SPRING-26"
    again = till.post("/coupons/create", wish(code="spring-26"), token=shop.creator_token)
    assert again.error == (409, "coupon_code_exists")


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 101},
        {"value": 0},
        {"kind": "free_days", "value": 5, "target_type": "content"},
        {"target_ids": [1]},
        {"kind": "free_days", "value": 4000},
        {"code": "a b"},
        {"total_quantity": 0},
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(shop, till, fields) -> None:
    assert till.post("/coupons/create", wish(**fields), token=shop.creator_token).error == (422, "validation_error")


def test_a_coupon_needs_a_period_that_is_not_over(shop, till) -> None:
    now = clock.now()
    for start, end in [(DAY, DAY), (-2 * DAY, -DAY)]:
        period = {"starts_at": (now + start).isoformat(), "ends_at": (now + end).isoformat()}
        assert till.post("/coupons/create", wish(**period), token=shop.creator_token).error == (422, "period_invalid")


def test_a_coupon_is_for_own_things_only(shop, till, sign_in) -> None:
    other = build.person(shop.house.sql)
    foreign = wish(target_type="plan", target_ids=[build.plan(shop.house.sql, other)])
    assert till.post("/coupons/create", foreign, token=shop.creator_token).error == (404, "target_not_found")
    coupon = made(till, shop)
    answer = till.post(
        "/coupons/validate",
        {"code": coupon["code"], "target_type": "plan", "target_id": build.plan(shop.house.sql, other)},
        token=shop.token,
    )
    assert (answer.data["valid"], answer.data["reason"]) == (False, "coupon_not_applicable")
    path = f"/coupons/{coupon['coupon_id']}"
    assert till.put(path, {"status": "disabled"}, token=sign_in(other, roles=("creator",))).error == (
        403,
        "not_coupon_owner",
    )
    assert till.put("/coupons/0", {}, token=shop.creator_token).error == (404, "coupon_not_found")


def test_validating_says_what_a_code_would_do_and_takes_nothing(shop, till) -> None:
    plan_id, coupon = shop.plan(), made(till, shop, max_discount=500)
    body = {"code": coupon["code"].lower(), "target_type": "plan", "target_id": plan_id}
    said = till.post("/coupons/validate", body, token=shop.token).data
    assert said | {"coupon": None} == {
        "valid": True,
        "reason": None,
        "coupon": None,
        "list_amount": 3000,
        "discount_amount": 500,
        "payable_amount": 2500,
    }
    assert said["coupon"] == coupon
    assert used(shop, coupon) == 0
    assert till.post("/coupons/validate", body | {"code": "NONE"}, token=shop.token).error == (404, "coupon_not_found")
    assert till.post("/coupons/validate", body | {"target_id": 10**9}, token=shop.token).error == (404, "target_not_found")


def test_an_order_costs_what_the_quote_said_and_reserves_the_coupon(shop, till) -> None:
    plan_id, coupon = shop.plan(), made(till, shop)
    query = {"target_type": "plan", "target_id": str(plan_id), "coupon_code": coupon["code"]}
    quote = till.get("/pricing/quote", token=shop.token, query=query).data
    bought = shop.subscribe(plan_id, coupon_code=coupon["code"]).data["order"]
    assert bought["payable_amount"] == quote["payable_amount"] == 2400
    assert bought["price_lines"][1:] == quote["lines"] == [{"source": "coupon", "id": coupon["coupon_id"], "amount": -600}]
    assert sum(line["amount"] for line in bought["price_lines"]) == bought["payable_amount"]
    assert order(shop, bought["order_no"]) == (3000, 600, 2400, "pending")
    assert (used(shop, coupon), redemption(shop, bought["order_no"])) == (1, ("reserved", 600))


def test_a_place_is_used_by_the_payment_and_free_again_after_a_close_or_a_full_refund(shop, till) -> None:
    plan_id, coupon = shop.plan(), made(till, shop, per_user_limit=1)
    first = shop.subscribe(plan_id, coupon_code=coupon["code"]).data
    number, subscription_id = first["order"]["order_no"], first["subscription"]["subscription_id"]
    shop.hear(build.closed(number, subscription_id, shop.customer))
    assert (used(shop, coupon), redemption(shop, number)) == (0, ("released", 600))
    second = shop.subscribe(plan_id, coupon_code=coupon["code"]).data
    number, subscription_id = second["order"]["order_no"], second["subscription"]["subscription_id"]
    paid = build.paid(number, subscription_id, shop.customer, amount=2400)
    shop.hear(paid, paid.model_copy(update={"event_id": "again"}), build.closed(number, subscription_id, shop.customer))
    assert (used(shop, coupon), redemption(shop, number)) == (1, ("used", 600))
    back = build.refunded(number, subscription_id, shop.customer, amount=1, refunded_total=1, full=False)
    shop.hear(back)
    assert used(shop, coupon) == 1
    shop.hear(build.refunded(number, subscription_id, shop.customer))
    shop.hear(build.paid(number, subscription_id, shop.customer, amount=2400))
    assert (used(shop, coupon), redemption(shop, number)) == (0, ("released", 600))


def test_a_late_payment_takes_its_place_again_only_while_one_is_free(shop, till, sign_in) -> None:
    plan_id, coupon = shop.plan(), made(till, shop, total_quantity=1)
    first = shop.subscribe(plan_id, coupon_code=coupon["code"]).data
    number, subscription_id = first["order"]["order_no"], first["subscription"]["subscription_id"]
    shop.hear(build.closed(number, subscription_id, shop.customer))
    token = sign_in(build.person(shop.house.sql))
    other = shop.subscribe(plan_id, token, coupon_code=coupon["code"]).data["order"]["order_no"]
    shop.hear(build.paid(number, subscription_id, shop.customer, amount=2400))
    assert (used(shop, coupon), redemption(shop, number)[0], redemption(shop, other)[0]) == (1, "released", "reserved")
    assert shop.status(subscription_id)["status"] == "active"


def test_each_person_has_so_many_whatever_account_or_device_they_come_with(shop, till, sign_in) -> None:
    plan_id, coupon = shop.plan(), made(till, shop, per_user_limit=1)
    twin, stranger = build.person(shop.house.sql), build.person(shop.house.sql)
    for uid in (shop.customer, twin):
        shop.house.sql(
            "INSERT INTO identity.user_devices (device_id, uid, first_seen_at, last_seen_at) VALUES ('phone', %s, now(), now())",
            (uid,),
        )
    assert shop.subscribe(plan_id, coupon_code=coupon["code"]).status == 201
    refused = shop.subscribe(plan_id, sign_in(twin), coupon_code=coupon["code"])
    assert refused.error == (422, "coupon_not_applicable")
    assert refused.json["details"] == {"reason": "coupon_limit_reached"}
    assert shop.subscribe(plan_id, sign_in(stranger), coupon_code=coupon["code"]).status == 201


def test_a_coupon_is_laid_on_an_own_pending_order_once(shop, till, sign_in) -> None:
    plan_id, coupon = shop.plan(), made(till, shop)
    subscription_id, number = shop.bought(plan_id)
    body = {"code": coupon["code"], "order_no": number}
    stranger = sign_in(build.person(shop.house.sql))
    assert till.post("/coupons/use", body, token=stranger).error == (404, "order_not_found")
    assert till.post("/coupons/use", body | {"code": "NONE"}, token=shop.token).error == (404, "coupon_not_found")
    said = till.post("/coupons/use", body, token=shop.token)
    assert said.status == 200, said.text
    laid = said.data
    assert (laid["order"]["amount"], laid["order"]["discount_amount"], laid["order"]["payable_amount"]) == (3000, 600, 2400)
    assert laid["order"]["price_lines"][-1] == {"source": "coupon", "id": coupon["coupon_id"], "amount": -600}
    assert order(shop, number) == (3000, 600, 2400, "pending")
    assert shop.house.sql("SELECT amount FROM commerce.payables WHERE order_no = %s", (number,)) == [(2400,)]
    assert redemption(shop, number) == ("reserved", 600)
    assert till.post("/coupons/use", body, token=shop.token).error == (422, "coupon_not_applicable")
    shop.hear(build.paid(number, subscription_id, shop.customer, amount=2400))
    assert till.post("/coupons/use", body, token=shop.token).error[1] in {"order_not_pending", "coupon_not_applicable"}


def test_the_price_of_an_order_stands_once_its_payment_has_begun(shop, till) -> None:
    coupon = made(till, shop)
    _, number = shop.bought(shop.plan())
    shop.house.sql(
        """
        INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, scene, amount, currency, status,
            expires_at, created_at, updated_at)
        VALUES ('P1', %s, 'alipay', 'pay', 'pc', 3000, 'CNY', 'created', now(), now(), now())
        """,
        (number,),
    )
    refused = till.post("/coupons/use", {"code": coupon["code"], "order_no": number}, token=shop.token)
    assert refused.error == (409, "order_not_pending")
    assert (order(shop, number), used(shop, coupon)) == ((3000, 0, 3000, "pending"), 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("status = 'disabled'", "coupon_expired"),
        ("ends_at = now() - interval '1 minute'", "coupon_expired"),
        ("used = total_quantity", "coupon_exhausted"),
        ("min_amount = 3001", "coupon_not_applicable"),
        ("starts_at = now() + interval '1 minute'", "coupon_not_applicable"),
    ],
)
def test_using_says_why_a_coupon_does_not_apply(shop, till, change, reason) -> None:
    coupon = made(till, shop)
    _, number = shop.bought(shop.plan())
    shop.house.sql(f"UPDATE subscriptions.coupons SET {change}")
    refused = till.post("/coupons/use", {"code": coupon["code"], "order_no": number}, token=shop.token)
    assert refused.error == (422 if reason == "coupon_not_applicable" else 409, reason)


def test_free_days_lengthen_the_first_period(shop, till, noon) -> None:
    days = {"starts_at": (noon - DAY).isoformat(), "ends_at": (noon + DAY).isoformat(), "kind": "free_days", "value": 7}
    shop.creator_token, shop.token = (
        shop.sign_in(shop.creator, roles=("creator",)),
        shop.sign_in(shop.customer),
    )
    coupon = made(till, shop, **days)
    subscription_id, number = shop.bought(shop.plan())
    laid = till.post("/coupons/use", {"code": coupon["code"], "order_no": number}, token=shop.token).data
    assert laid["order"]["payable_amount"] == 3000
    shop.hear(build.paid(number, subscription_id, shop.customer))
    assert shop.status(subscription_id)["current_period_end"] == "2026-04-17T04:00:00Z"


def test_a_coupon_that_covers_everything_gives_at_once(shop, till) -> None:
    coupon = made(till, shop, kind="amount", value=9999)
    given = shop.subscribe(shop.plan(), coupon_code=coupon["code"]).data
    assert (given["subscription"]["status"], given["order"]["status"], given["order"]["payable_amount"]) == (
        "active",
        "paid",
        0,
    )
    assert redemption(shop, given["order"]["order_no"]) == ("used", 3000)


def test_usable_coupons_are_those_of_creators_one_is_a_customer_of(shop, till) -> None:
    coupon = made(till, shop)
    made(till, shop, total_quantity=1, starts_at=(clock.now() + DAY / 2).isoformat())
    assert till.get("/coupons", token=shop.token).data["items"] == []
    shop.pay(shop.plan())
    assert [one["code"] for one in till.get("/coupons", token=shop.token).data["items"]] == [coupon["code"]]
    created = till.get("/coupons", token=shop.creator_token, query={"view": "created", "status": "active"})
    assert created.data["total"] == 2
    assert till.get("/coupons", token=shop.token, query={"view": "created"}).data["total"] == 0


def test_an_owner_changes_quantity_and_end_but_not_below_what_is_used(shop, till) -> None:
    coupon = made(till, shop)
    shop.subscribe(shop.plan(), coupon_code=coupon["code"])
    shop.house.sql("UPDATE subscriptions.coupons SET used = 2")
    path = f"/coupons/{coupon['coupon_id']}"
    assert till.put(path, {"total_quantity": 1}, token=shop.creator_token).error == (422, "quantity_below_used")
    assert till.put(path, {"total_quantity": 2}, token=shop.creator_token).data["total_quantity"] == 2
    past = {"ends_at": (clock.now() - DAY / 2).isoformat()}
    assert till.put(path, past, token=shop.creator_token).error == (422, "period_invalid")
    assert till.put(path, {"status": "disabled"}, token=shop.creator_token).data["status"] == "disabled"


def test_what_a_lost_fact_left_reserved_is_settled(shop, till) -> None:
    coupon = made(till, shop)
    number = shop.subscribe(shop.plan(), coupon_code=coupon["code"]).data["order"]["order_no"]
    shop.house.sql("UPDATE payments.payment_orders SET status = 'expired' WHERE order_no = %s", (number,))
    with shop.house.acting("subscriptions"):
        assert release_discounts.handler({}, None)["done"] == 0
    with clock.frozen(clock.now() + timedelta(hours=2)), shop.house.acting("subscriptions"):
        assert release_discounts.handler({}, None)["done"] == 1
    assert (used(shop, coupon), redemption(shop, number)[0]) == (0, "released")
