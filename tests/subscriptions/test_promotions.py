"""SUB-024 to SUB-028: campaigns of the platform, and batches of codes."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions import export_coupons
from functions.subscriptions.pricing import handler
from shared import aws, clock, coupon_codes
from shared.dynamo.jobs import JobItem
from tests.fixtures.budget import statements
from tests.subscriptions import build

DAY = timedelta(days=1)


@pytest.fixture
def till(api):
    return api(handler, "subscriptions")


@pytest.fixture
def operator(sign_in) -> str:
    return str(sign_in(100001, permissions=("promotion:*",)))


@pytest.fixture
def exports(cloud, monkeypatch) -> None:
    monkeypatch.setenv("BUCKET_EXPORTS", "exports-of-this-test")
    aws.client("s3").create_bucket(Bucket="exports-of-this-test")
    monkeypatch.setenv("QUEUE_COUPON_EXPORTS", aws.client("sqs").create_queue(QueueName="coupon-exports")["QueueUrl"])


def wish(**fields: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "name": "Double Eleven",
        "kind": "percent",
        "value": 10,
        "targets": {"all": True},
        "starts_at": (now - DAY).isoformat(),
        "ends_at": (now + DAY).isoformat(),
    } | fields


def made(till, operator, **fields: Any) -> dict[str, Any]:
    reply = till.post("/promotions/create", wish(**fields), token=operator)
    assert reply.status == 201, reply.text
    promotion: dict[str, Any] = reply.data
    return promotion


def quoted(till, plan_id: int, **query: str) -> Any:
    return till.get("/pricing/quote", query={"target_type": "plan", "target_id": str(plan_id)} | query)


def changed(till, operator, promotion: dict[str, Any], **fields: Any) -> Any:
    return till.put(f"/promotions/manage/{promotion['promotion_id']}", fields, token=operator)


def test_a_campaign_runs_by_its_times_and_lowers_what_is_ordered(shop, till, operator) -> None:
    plan_id = shop.plan()
    promotion = made(till, operator)
    assert (promotion["status"], promotion["used_budget"], promotion["coupon"]) == ("active", 0, None)
    later = made(till, operator, starts_at=(clock.now() + DAY / 2).isoformat())
    assert later["status"] == "scheduled"
    order = shop.subscribe(plan_id).data["order"]
    assert order["price_lines"][1:] == [{"source": "promotion", "id": promotion["promotion_id"], "amount": -300}]
    [(lines,)] = shop.house.sql("SELECT price_lines FROM payments.payment_orders WHERE order_no = %s", (order["order_no"],))
    assert lines[1]["borne_by"] == "platform"
    assert [one["promotion_id"] for one in till.get("/promotions").data["items"]] == [promotion["promotion_id"]]


def test_a_campaign_without_targets_is_a_draft(shop, till, operator) -> None:
    draft = made(till, operator, targets={})
    assert draft["status"] == "draft"
    plan_id = shop.plan()
    assert quoted(till, plan_id).data["lines"] == []
    assert changed(till, operator, draft, targets={"plan_ids": [plan_id]}).data["status"] == "active"
    assert quoted(till, plan_id).data["payable_amount"] == 2700
    assert quoted(till, shop.plan()).data["payable_amount"] == 3000
    by_plan = till.get("/promotions", query={"target_type": "plan", "target_id": str(plan_id)})
    assert by_plan.data["total"] == 1
    assert till.get("/promotions", query={"target_type": "content"}).data["total"] == 0


def test_it_is_paused_resumed_and_ended_for_good(shop, till, operator) -> None:
    plan_id, promotion = shop.plan(), made(till, operator)
    for status, amount in (("paused", 3000), ("active", 2700), ("ended", 3000)):
        assert changed(till, operator, promotion, status=status).data["status"] == status
        assert quoted(till, plan_id).data["payable_amount"] == amount
    assert changed(till, operator, promotion, status="active").error == (409, "promotion_ended")


def test_a_budget_that_is_used_up_ends_it_until_it_gets_more(shop, till, operator) -> None:
    promotion = made(till, operator, budget=300)
    shop.subscribe(shop.plan())
    listed = till.get("/promotions/manage", token=operator, query={"status": "ended"}).data["items"]
    assert [(one["promotion_id"], one["used_budget"]) for one in listed] == [(promotion["promotion_id"], 300)]
    assert changed(till, operator, promotion, budget=299).error == (422, "quantity_below_used")
    assert changed(till, operator, promotion, budget=1000).data["status"] == "active"


def test_a_person_takes_part_as_often_as_one_may(shop, till, operator) -> None:
    made(till, operator, per_user_limit=1)
    assert shop.subscribe(shop.plan()).data["order"]["payable_amount"] == 2700
    other = build.plan(shop.house.sql, build.person(shop.house.sql))
    assert shop.subscribe(other).data["order"]["payable_amount"] == 3000


def test_a_flash_sale_sells_its_stock_and_an_order_that_ends_unpaid_gives_it_back(shop, till, operator, sign_in) -> None:
    plan_id = shop.plan()
    promotion = made(till, operator, kind="flash_sale", value=100, stock=1)
    order = shop.subscribe(plan_id).data
    assert order["order"]["payable_amount"] == 100
    second = shop.subscribe(plan_id, sign_in(build.person(shop.house.sql))).data["order"]
    assert second["payable_amount"] == 3000
    shop.hear(build.closed(order["order"]["order_no"], order["subscription"]["subscription_id"], shop.customer))
    [(sold, spent)] = shop.house.sql(
        "SELECT sold, used_budget FROM subscriptions.promotions WHERE promotion_id = %s", (promotion["promotion_id"],)
    )
    assert (sold, spent) == (0, 0)


def test_a_free_trial_is_given_by_a_campaign_once(shop, till, operator) -> None:
    promotion = made(till, operator, kind="free_trial", value=14, per_user_limit=1)
    begun = shop.subscribe(shop.plan()).data
    assert (begun["subscription"]["status"], begun["order"]) == ("trialing", None)
    [row] = shop.house.sql("SELECT promotion_id, status FROM subscriptions.promotion_redemptions")
    assert row == (promotion["promotion_id"], "used")
    other = build.plan(shop.house.sql, build.person(shop.house.sql))
    assert shop.subscribe(other).data["subscription"]["status"] == "pending"


def test_campaigns_are_listed_with_what_came_of_them_in_one_statement(shop, till, operator) -> None:
    promotion = made(till, operator)
    bought = shop.subscribe(shop.plan()).data
    number = bought["order"]["order_no"]
    shop.hear(build.paid(number, bought["subscription"]["subscription_id"], shop.customer, amount=2700))
    for _ in range(3):
        made(till, operator)
    listed = till.get("/promotions/manage", token=operator).data["items"]
    results = {one["promotion_id"]: (one["orders"], one["discount_total"], one["revenue"]) for one in listed}
    assert results[promotion["promotion_id"]] == (1, 300, 2700)
    assert sorted(results.values()) == [(0, 0, 0)] * 3 + [(1, 300, 2700)]
    assert statements(shop.house, "subscriptions", lambda: till.get("/promotions/manage", token=operator)) == 1


def test_only_what_has_not_started_is_deleted(shop, till, operator) -> None:
    started = made(till, operator)
    coming = made(till, operator, starts_at=(clock.now() + DAY / 2).isoformat())
    refused = till.delete(f"/promotions/manage/{started['promotion_id']}", token=operator)
    assert refused.error == (409, "promotion_started")
    path = f"/promotions/manage/{coming['promotion_id']}"
    assert till.delete(path, token=operator).data == {"deleted": True}
    assert till.delete(path, token=operator).error == (404, "promotion_not_found")
    done = "SELECT action_type FROM admin.operator_audit_logs WHERE action_details ->> 'result' = 'success' ORDER BY id"
    assert shop.house.sql(done) == [("create_promotion",), ("create_promotion",), ("delete_promotion",)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"targets": {"plan_ids": [10**9]}}, (404, "target_not_found")),
        ({"ends_at": "2026-01-01T00:00:00Z"}, (422, "period_invalid")),
        ({"stock": 5}, (422, "validation_error")),
        ({"kind": "coupon_batch"}, (422, "validation_error")),
        ({"value": 101}, (422, "validation_error")),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused(shop, till, operator, fields, error) -> None:
    assert till.post("/promotions/create", wish(**fields), token=operator).error == error


def test_campaigns_are_for_operators_with_the_permission(shop, till, sign_in) -> None:
    reader = sign_in(100001, permissions=("promotion:read",))
    assert till.post("/promotions/create", wish(), token=reader).error == (403, "permission_denied")
    assert till.get("/promotions/manage", token=reader).status == 200
    assert till.get("/promotions/manage", token=shop.token).error[0] == 403


def test_a_batch_is_codes_without_rows_each_used_once(shop, till, operator, exports) -> None:
    plan_id = shop.plan()
    terms = {"kind": "amount", "quantity": 50, "per_user_limit": 2}
    batch = made(till, operator, kind="coupon_batch", value=500, coupon=terms)
    assert batch["coupon"]["total_quantity"] == 50
    message = aws.client("sqs").receive_message(
        QueueUrl=aws.client("sqs").get_queue_url(QueueName="coupon-exports")["QueueUrl"]
    )
    sent = message.get("Messages", [{"Body": json.dumps({"job_id": batch["export_job_id"]})}])[0]["Body"]
    with shop.house.acting("subscriptions"):
        for _ in range(2):
            assert export_coupons.handler({"Records": [{"messageId": "m", "body": sent}]}, None) == {"batchItemFailures": []}
    job = JobItem.get(f"JOB#{batch['export_job_id']}", "JOB")
    assert (job.status, job.attempts) == ("succeeded", 1)
    listed = aws.client("s3").list_objects_v2(Bucket="exports-of-this-test")["Contents"]
    text = aws.client("s3").get_object(Bucket="exports-of-this-test", Key=listed[0]["Key"])["Body"].read().decode()
    heading, *codes = text.splitlines()
    assert (heading, len(codes), len(set(codes))) == ("code", 50, 50)
    result = job.result_json() or {}
    assert result["codes"] == 50
    assert listed[0]["Key"] in result["url"]

    disguised = codes[7].lower().replace("0", "o").replace("1", "l").replace("-", " ")
    order = shop.subscribe(plan_id, coupon_code=disguised).data["order"]
    assert order["payable_amount"] == 2500
    assert shop.house.sql("SELECT serial, discount FROM subscriptions.coupon_redemptions") == [(7, 500)]
    assert quoted(till, plan_id, coupon_code=codes[7]).json["details"] == {"reason": "coupon_exhausted"}
    assert quoted(till, plan_id, coupon_code=codes[8]).data["payable_amount"] == 2500
    forged = codes[8][:-1] + ("0" if codes[8][-1] != "0" else "2")
    assert quoted(till, plan_id, coupon_code=forged).json["details"] == {"reason": "coupon_not_found"}
    [(prefix, key)] = shop.house.sql("SELECT code, mac_key FROM subscriptions.coupons")
    beyond = coupon_codes.code(prefix, bytes(key), 50)
    assert quoted(till, plan_id, coupon_code=beyond).json["details"] == {"reason": "coupon_not_applicable"}
    assert changed(till, operator, batch, status="paused").data["export_job_id"] is None
    assert quoted(till, plan_id, coupon_code=codes[8]).error == (422, "coupon_not_applicable")


def test_campaigns_and_codes_lower_memberships_as_they_do_plans(shop, till, operator, exports) -> None:
    plan_id, other = (build.membership_plan(shop.house.sql) for _ in range(2))
    nowhere = wish(targets={"membership_plan_ids": [10**9]})
    assert till.post("/promotions/create", nowhere, token=operator).error == (404, "target_not_found")
    campaign = made(till, operator, targets={"membership_plan_ids": [plan_id]})
    terms = {"kind": "amount", "quantity": 5, "per_user_limit": 1}
    made(till, operator, kind="coupon_batch", value=500, targets={"membership_plan_ids": [plan_id]}, coupon=terms)
    [(prefix, key)] = shop.house.sql("SELECT code, mac_key FROM subscriptions.coupons")
    code = coupon_codes.code(prefix, bytes(key), 3)
    said = {target: quoted(till, target, target_type="membership").data["payable_amount"] for target in (plan_id, other)}
    assert said == {plan_id: 2700, other: 3000}
    assert quoted(till, plan_id, target_type="membership", coupon_code=code).data["payable_amount"] == 2200

    now = clock.now()
    lines = [
        {"source": "membership", "id": plan_id, "amount": 3000},
        {"source": "promotion", "id": campaign["promotion_id"], "amount": -300, "borne_by": "platform"},
    ]
    shop.house.sql(
        """
        SELECT commerce.open_order('payments', 'membership', %(plan)s, %(uid)s, 0, 't', 3000, 300, 'CNY', %(lines)s, 'M1', %(at)s,
            %(until)s), subscriptions.open_membership('M1', %(uid)s, %(plan)s, %(at)s)
        """,
        {"plan": plan_id, "uid": shop.customer, "lines": json.dumps(lines), "at": now, "until": now + DAY},
    )
    used = till.post("/coupons/use", {"order_no": "M1", "code": code}, token=shop.token).data["order"]
    assert (used["payable_amount"], sum(line["amount"] for line in used["price_lines"])) == (2200, 2200)
    shop.hear(build.paid("M1", plan_id, shop.customer, kind="membership", seller_id=0))
    assert shop.house.sql("SELECT status, serial FROM subscriptions.coupon_redemptions") == [("used", 3)]


def test_the_database_makes_the_same_macs(house) -> None:
    for number in (0, 1, 31, 32, 1023, 1024, 999_999):
        key = hashlib.sha256(str(number).encode()).digest()
        plain = coupon_codes.code("QX7Z", key, number).replace("-", "")
        assert house.sql("SELECT subscriptions.code_mac(%s, %s)", (key, plain[:8])) == [(plain[8:],)]
