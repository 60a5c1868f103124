"""SUB-006, SUB-008, SUB-009: coming to a subscription and looking at it."""

from datetime import timedelta

import pytest

from shared import clock
from tests.fixtures.budget import statements
from tests.subscriptions import build


def test_subscribing_makes_a_pending_subscription_and_its_order(noon, shop) -> None:
    plan_id = shop.plan(name="Gold", amount=3000)

    reply = shop.subscribe(plan_id, channel="alipay")

    assert reply.status == 201
    subscription, order = reply.data["subscription"], reply.data["order"]
    assert subscription == {
        "subscription_id": order["target_id"],
        "user_id": shop.customer,
        "creator_id": shop.creator,
        "plan": subscription["plan"],
        "status": "pending",
        "auto_renew": False,
        "cancel_at_period_end": False,
        "current_period_start": None,
        "current_period_end": None,
        "next_renewal_at": None,
        "next_plan_id": None,
        "order_no": order["order_no"],
        "cancelled_at": None,
        "created_at": "2026-03-10T04:00:00Z",
    }
    assert order == {
        "order_no": order["order_no"],
        "user_id": shop.customer,
        "kind": "subscription",
        "target_id": subscription["subscription_id"],
        "title": f"{subscription['plan']['creator']['display_name']} · Gold",
        "amount": 3000,
        "discount_amount": 0,
        "payable_amount": 3000,
        "currency": "CNY",
        "price_lines": [{"source": "plan", "id": plan_id, "amount": 3000}],
        "status": "pending",
        "channel": None,
        "refunded_amount": 0,
        "paid_at": None,
        "expires_at": "2026-03-10T04:30:00Z",
        "created_at": "2026-03-10T04:00:00Z",
    }
    assert shop.status(subscription["subscription_id"]) == subscription
    assert shop.counts(plan_id) == (0, 1), "a seat is held, there is no subscriber yet"
    assert shop.topics() == []


def test_payments_hold_the_very_order_that_was_answered(shop) -> None:
    order = shop.subscribe(shop.plan()).data["order"]
    [stored] = shop.house.sql(
        """
        SELECT user_id, seller_id, kind, target_id, title, payable_amount, price_lines, status
        FROM payments.pub_orders WHERE order_no = %s
        """,
        (order["order_no"],),
    )
    assert stored == (
        shop.customer,
        shop.creator,
        *(order[name] for name in ("kind", "target_id", "title", "payable_amount", "price_lines", "status")),
    )


def test_a_free_plan_runs_at_once(noon, shop) -> None:
    plan_id = shop.plan(amount=0, interval="quarter", trial_days=7)
    data = shop.subscribe(plan_id, auto_renew=True).data
    assert data["order"] is None
    assert data["subscription"]["status"] == "active"
    assert data["subscription"]["current_period_end"] == "2026-06-10T04:00:00Z"
    assert data["subscription"]["next_renewal_at"] == "2026-06-10T04:00:00Z"
    assert data["subscription"]["plan"]["subscriber_count"] == 1
    assert shop.status(data["subscription"]["subscription_id"]) == data["subscription"]
    assert shop.topics() == ["entitlement_changed", "activated"]
    shop.project()
    assert shop.holds().subscription.source == "subscription"


def test_the_first_subscription_to_a_creator_begins_with_the_trial_and_only_the_first(noon, shop) -> None:
    plan_id = shop.plan(trial_days=7)
    trial = shop.subscribe(plan_id).data
    assert (trial["order"], trial["subscription"]["status"]) == (None, "trialing")
    assert trial["subscription"]["current_period_end"] == "2026-03-17T04:00:00Z"
    shop.project()
    assert shop.holds().subscription.source == "trial"

    with clock.frozen(noon + timedelta(days=8)):
        again = shop.subscribe(plan_id, shop.sign_in(shop.customer)).data
    assert (again["subscription"]["status"], again["order"]["amount"]) == ("pending", 3000)


def test_a_pending_subscription_that_was_never_paid_costs_no_trial(shop) -> None:
    paid_plan, trial_plan = shop.plan(), shop.plan(trial_days=7)
    subscription_id, order_no = shop.bought(paid_plan)
    shop.hear(build.closed(order_no, subscription_id, shop.customer))
    assert shop.subscribe(trial_plan).data["subscription"]["status"] == "trialing"


def test_who_has_a_live_subscription_to_a_creator_gets_no_second_one(shop) -> None:
    plan_id = shop.plan()
    subscription_id, order_no = shop.bought(plan_id)
    refused = shop.subscribe(shop.plan(tier=2))
    assert refused.error == (409, "already_subscribed")
    assert refused.json["details"] == {"subscription_id": subscription_id, "status": "pending", "order_no": order_no}
    shop.hear(build.paid(order_no, subscription_id, shop.customer))
    assert shop.subscribe(plan_id).error == (409, "already_subscribed")
    other = build.plan(shop.house.sql, build.person(shop.house.sql))
    assert shop.subscribe(other).status == 201, "another creator's plan is another matter"


def test_what_is_over_does_not_stand_in_the_way_though_no_task_ended_it_yet(noon, shop) -> None:
    plan_id = shop.plan(max_subscribers=1)
    first, _ = shop.bought(plan_id)
    with clock.frozen(noon + timedelta(minutes=30)):
        token = shop.sign_in(shop.customer)
        second, order_no = shop.bought(plan_id, token)
        assert shop.status(first, token)["status"] == "expired"
        shop.hear(build.paid(order_no, second, shop.customer))
    with clock.frozen(noon + timedelta(days=40)):
        token = shop.sign_in(shop.customer)
        shop.bought(plan_id, token)
        assert shop.status(second, token)["status"] == "expired"
    assert shop.counts(plan_id) == (0, 1)


@pytest.mark.parametrize("status", ["inactive", "pending_deletion", "deleted"])
def test_a_creator_who_has_left_takes_nobody(shop, status: str) -> None:
    plan_id = shop.plan()
    shop.house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, shop.creator))
    assert shop.subscribe(plan_id).error == (409, "plan_archived")


def test_a_full_plan_takes_nobody_and_a_pending_subscription_holds_its_seat(shop) -> None:
    plan_id = shop.plan(max_subscribers=1)
    subscription_id, order_no = shop.bought(plan_id)
    late = shop.sign_in(build.person(shop.house.sql))
    assert shop.subscribe(plan_id, late).error == (409, "plan_full")
    shop.hear(build.closed(order_no, subscription_id, shop.customer))
    assert shop.subscribe(plan_id, late).status == 201


def test_who_may_not_subscribe_is_told_why(shop) -> None:
    plan_id = shop.plan()
    assert shop.api.post("/subscriptions/subscribe", {"plan_id": plan_id}).error == (401, "unauthenticated")
    assert shop.subscribe(plan_id + 1000).error == (404, "plan_not_found")
    assert shop.subscribe(2**63).error == (422, "validation_error")
    assert shop.subscribe(plan_id, shop.creator_token).error == (409, "cannot_subscribe_self")
    assert shop.subscribe(shop.plan(status="archived")).error == (409, "plan_archived")
    assert shop.subscribe(plan_id, coupon_code="SPRING").error == (422, "coupon_not_applicable")
    assert shop.house.sql("SELECT 1 FROM subscriptions.user_subscriptions") == []
    assert shop.house.sql("SELECT 1 FROM payments.payment_orders") == []


@pytest.mark.parametrize(("language", "sentence"), [("zh-CN", "不能订阅自己"), ("en", "You cannot subscribe to yourself")])
def test_refusals_speak_both_languages(shop, language, sentence) -> None:
    reply = shop.api.post(
        "/subscriptions/subscribe",
        {"plan_id": shop.plan()},
        token=shop.creator_token,
        headers={"accept-language": language},
    )
    assert reply.json["message"] == sentence


def test_a_repeated_key_answers_the_same_and_subscribes_once(shop) -> None:
    plan_id = shop.plan()
    send = {"token": shop.token, "headers": {"Idempotency-Key": "k"}}
    first = shop.api.post("/subscriptions/subscribe", {"plan_id": plan_id}, **send)
    again = shop.api.post("/subscriptions/subscribe", {"plan_id": plan_id}, **send)
    other = shop.api.post("/subscriptions/subscribe", {"plan_id": shop.plan()}, **send)
    assert (first.status, again.text, again.headers["idempotent-replay"]) == (201, first.text, "true")
    assert other.error == (409, "idempotency_conflict")
    assert len(shop.house.sql("SELECT 1 FROM payments.payment_orders")) == 1


def test_a_subscription_is_its_users_business_only(shop) -> None:
    subscription_id, _ = shop.bought(shop.plan())
    path = f"/subscriptions/status/{subscription_id}"
    assert shop.api.get(path).error == (401, "unauthenticated")
    assert shop.api.get(path, token=shop.creator_token).error == (404, "subscription_not_found")
    assert shop.api.get(path, token=shop.token).data["subscription_id"] == subscription_id


def test_the_history_is_filtered_and_newest_first(noon, shop) -> None:
    plan_id, other_creator = shop.plan(), build.person(shop.house.sql)
    other_plan = build.plan(shop.house.sql, other_creator)
    paid = shop.pay(plan_id)
    with clock.frozen(noon + timedelta(minutes=1)):
        pending, _ = shop.bought(other_plan)

    def ids(**query):
        return [item["subscription_id"] for item in shop.api.get(path, query=query, token=shop.token).data["items"]]

    path = "/subscriptions/history"
    assert shop.api.get(path).error == (401, "unauthenticated")
    assert ids() == [pending, paid]
    assert ids(status="active") == [paid]
    assert ids(creator_id=other_creator) == [pending]
    assert ids(plan_id=plan_id) == [paid]
    assert ids(sort_order="asc") == [paid, pending]
    assert shop.api.get(path, token=shop.creator_token).data["items"] == []
    assert shop.api.get(path, query={"status": "lost"}, token=shop.token).error == (422, "validation_error")


def test_subscribing_and_looking_keep_to_their_statement_budgets(shop) -> None:
    plans = iter([build.plan(shop.house.sql, build.person(shop.house.sql)) for _ in range(4)])
    free = iter([build.plan(shop.house.sql, build.person(shop.house.sql), amount=0) for _ in range(4)])
    subscription_id, _ = shop.bought(shop.plan())
    keys = iter("abcdefgh")

    def subscribe(plan_id, **headers):
        shop.api.post("/subscriptions/subscribe", {"plan_id": plan_id}, token=shop.token, headers=headers)

    counted = {
        "sold": statements(shop.house, "subscriptions", lambda: subscribe(next(plans))),
        "sold with a key": statements(
            shop.house, "subscriptions", lambda: subscribe(next(plans), **{"Idempotency-Key": next(keys)})
        ),
        "free": statements(shop.house, "subscriptions", lambda: subscribe(next(free))),
        "status": statements(shop.house, "subscriptions", lambda: shop.status(subscription_id)),
        "history": statements(shop.house, "subscriptions", lambda: shop.api.get("/subscriptions/history", token=shop.token)),
    }
    # Three of its own; a key costs claim and keep, facts cost the outbox and the mark that they were sent.
    assert counted == {"sold": 4, "sold with a key": 6, "free": 5, "status": 1, "history": 1}
