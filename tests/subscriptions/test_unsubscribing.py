"""SUB-007, and the end that comes by itself."""

from datetime import timedelta

from shared import clock
from tests.fixtures.budget import statements
from tests.subscriptions import build

MONTH = timedelta(days=31)


def leave(shop, subscription_id, body=None, token=None):
    return shop.api.post(f"/subscriptions/unsubscribe/{subscription_id}", body, token=token or shop.token)


def test_leaving_is_for_the_subscriber(shop) -> None:
    subscription_id = shop.pay(shop.plan())
    assert shop.api.post(f"/subscriptions/unsubscribe/{subscription_id}").error == (401, "unauthenticated")
    assert leave(shop, subscription_id, token=shop.creator_token).error == (404, "subscription_not_found")
    assert leave(shop, subscription_id + 1000).error == (404, "subscription_not_found")
    assert leave(shop, subscription_id, {"immediate": "perhaps"}).error == (422, "validation_error")


def test_leaving_at_period_end_keeps_access_until_then(noon, shop) -> None:
    subscription_id = shop.pay(shop.plan())
    for _ in range(2):
        state = leave(shop, subscription_id, {"reason": "too dear"}).data
        assert (state["status"], state["cancel_at_period_end"], state["next_renewal_at"]) == ("active", True, None)
        assert state == shop.status(subscription_id)
    assert shop.holds().subscription is not None
    with clock.frozen(noon + MONTH):
        assert shop.holds().subscription is None, "the right itself ends on time"
        assert shop.expire() == 1
        shop.token = shop.sign_in(shop.customer)
        assert shop.status(subscription_id)["status"] == "expired"


def test_leaving_works_without_a_body(shop) -> None:
    subscription_id = shop.pay(shop.plan())
    reply = shop.api.call("POST", f"/subscriptions/unsubscribe/{subscription_id}", token=shop.token)
    assert reply.data["cancel_at_period_end"] is True


def test_leaving_at_once_ends_access_at_once(shop) -> None:
    plan_id = shop.plan()
    subscription_id = shop.pay(plan_id)
    state = leave(shop, subscription_id, {"immediate": True}).data
    assert (state["status"], state["plan"]["subscriber_count"]) == ("cancelled", 0)
    assert state == shop.status(subscription_id)
    shop.project()
    assert shop.holds().subscription is None
    assert shop.counts(plan_id) == (0, 0)
    assert shop.house.facts("subscriptions.ended.v1")[0]["reason"] == "cancelled"
    assert leave(shop, subscription_id).error == (409, "subscription_not_active")
    assert shop.subscribe(plan_id).status == 201


def test_what_does_not_run_cannot_be_left(noon, shop) -> None:
    pending, _ = shop.bought(shop.plan())
    assert leave(shop, pending).error == (409, "subscription_not_active")
    token = shop.sign_in(customer := build.person(shop.house.sql))
    over = shop.pay(shop.plan(), token, customer)
    with clock.frozen(noon + MONTH):
        token = shop.sign_in(customer)
        assert leave(shop, over, token=token).error == (409, "subscription_not_active"), "though no task ended it yet"


def test_the_task_ends_what_is_over_and_nothing_else(noon, shop) -> None:
    plan_id, free, trial = shop.plan(), shop.plan(amount=0), shop.plan(trial_days=7)
    people = [build.person(shop.house.sql) for _ in range(4)]
    tokens = [shop.sign_in(uid) for uid in people]
    paid = shop.pay(plan_id, tokens[0], people[0])
    for token, plan in zip(tokens[1:], (free, trial, plan_id), strict=True):
        shop.subscribe(plan, token)
    assert shop.expire() == 0
    with clock.frozen(noon + timedelta(days=7)):
        assert shop.expire() == 1, "the trial"
    with clock.frozen(noon + MONTH):
        assert shop.expire() == 2, "the paid month and the free one; the unpaid order is payments' to close"
        assert shop.expire() == 0
        assert shop.status(paid, shop.sign_in(people[0]))["status"] == "expired"
    shop.project()
    assert [shop.counts(each) for each in (plan_id, free, trial)] == [(0, 1), (0, 0), (0, 0)]
    assert [fact["reason"] for fact in shop.house.facts("subscriptions.ended.v1")] == ["expired"] * 3


def test_more_than_a_batch_is_ended_in_one_run(noon, shop) -> None:
    plan_id = shop.plan()
    shop.house.sql(
        """
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            current_period_start, current_period_end, version, created_at, updated_at)
        SELECT 500000 + n, %s, %s, 1, 0, 'active', false, %s, %s, n, now(), now() FROM generate_series(1, 205) n
        """,
        (shop.creator, plan_id, noon, noon + timedelta(seconds=1)),
    )
    assert shop.counts(plan_id) == (205, 205)
    with clock.frozen(noon + timedelta(seconds=1)):
        assert shop.expire() == 205
    assert shop.counts(plan_id) == (0, 0)


def test_leaving_keeps_to_its_statement_budget(shop) -> None:
    subscription_id = shop.pay(shop.plan())
    counted = statements(shop.house, "subscriptions", lambda: leave(shop, subscription_id))
    assert counted == 3
