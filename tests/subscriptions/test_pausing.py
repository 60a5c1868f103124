"""Pauses: asked for, begun with the end of the paid period, over when a new one is paid."""

from datetime import timedelta

import pytest

from shared import clock
from tests.subscriptions import build

DAY = timedelta(days=1)


def pause(shop, subscription_id, **body):
    return shop.api.post(f"/subscriptions/pause/{subscription_id}", body, token=shop.token)


def resume(shop, subscription_id):
    return shop.api.post(f"/subscriptions/resume/{subscription_id}", token=shop.token)


def test_access_lasts_as_long_as_was_paid_and_the_pause_begins_then(noon, shop) -> None:
    plan_id = shop.plan()
    subscription_id = shop.pay(plan_id)
    answer = pause(shop, subscription_id)
    assert (answer.status, answer.data["status"], answer.data["next_renewal_at"]) == (200, "active", None)
    with shop.at(noon + 20 * DAY):
        assert shop.expire() == 0
        assert shop.holds().subscription is not None
    with shop.at(noon + 31 * DAY):
        assert shop.expire() == 1
        shop.project()
        assert shop.status(subscription_id)["status"] == "paused"
        assert shop.holds().subscription is None
        assert shop.counts(plan_id) == (0, 1), "it keeps its seat"
        assert shop.house.facts("subscriptions.ended.v1")[-1]["reason"] == "paused"
        assert shop.expire() == 0
        assert shop.rebuild() == 0


def paused(shop, noon, **fields):
    """A subscription whose pause has begun; call it with the clock on 11 April."""
    with shop.at(noon):
        subscription_id = shop.pay(shop.plan(**fields))
        assert pause(shop, subscription_id).status == 200
    assert shop.expire() == 1
    shop.project()
    return subscription_id


def test_a_new_period_starts_when_the_order_of_the_resumption_is_paid(noon, shop) -> None:
    with shop.at(noon + 45 * DAY):
        subscription_id = paused(shop, noon, amount=3000)
        answer = resume(shop, subscription_id)
        order = answer.data["order"]
        assert (answer.status, answer.data["status"]) == (200, "paused")
        assert (order["kind"], order["payable_amount"], order["target_id"]) == ("renewal", 3000, subscription_id)
        assert sum(line["amount"] for line in order["price_lines"]) == order["payable_amount"]
        assert resume(shop, subscription_id).data["order"] == order, "asked again, the same order waits"
        at = noon + 45 * DAY + timedelta(minutes=5)
        shop.hear(build.paid(order["order_no"], subscription_id, shop.customer, kind="renewal", paid_at=at))
        state = shop.status(subscription_id)
        assert (state["status"], state["current_period_start"]) == ("active", clock.rfc3339(at))
        assert shop.holds().subscription is not None
        assert shop.rebuild() == 0


def test_an_unpaid_resumption_leaves_it_paused_and_may_be_asked_for_again(noon, shop) -> None:
    with shop.at(noon + 45 * DAY):
        subscription_id = paused(shop, noon)
        first = resume(shop, subscription_id).data["order"]["order_no"]
        shop.house.sql("UPDATE payments.payment_orders SET status = 'cancelled' WHERE order_no = %s", (first,))
        shop.hear(build.closed(first, subscription_id, shop.customer, kind="renewal"))
        assert shop.status(subscription_id)["status"] == "paused"
        assert resume(shop, subscription_id).data["order"]["order_no"] != first


def test_a_pause_that_has_not_begun_is_dropped_without_an_order(noon, shop) -> None:
    subscription_id = shop.pay(shop.plan())
    pause(shop, subscription_id, resume_at="2026-05-01T00:00:00Z")
    answer = resume(shop, subscription_id)
    assert (answer.status, answer.data["order"], answer.data["status"]) == (200, None, "active")
    with shop.at(noon + 45 * DAY):
        shop.expire()
        assert shop.status(subscription_id)["status"] == "expired"


def test_a_pause_whose_time_came_unnoticed_is_resumed_with_an_order(noon, shop) -> None:
    subscription_id = shop.pay(shop.plan())
    pause(shop, subscription_id)
    with shop.at(noon + 45 * DAY):
        answer = resume(shop, subscription_id)
        assert (answer.data["status"], answer.data["order"]["status"]) == ("paused", "pending")


def test_at_the_date_named_an_order_is_opened_once(noon, shop) -> None:
    subscription_id = shop.pay(shop.plan())
    assert pause(shop, subscription_id, resume_at="2026-05-01T00:00:00Z").status == 200
    with shop.at(noon + 45 * DAY):
        shop.expire()
        assert shop.resume_due() == 0, "not yet"
    with shop.at(noon + 60 * DAY):
        assert shop.resume_due() == 1
        assert shop.resume_due() == 0
        [(order_no,)] = shop.house.sql("SELECT order_no FROM payments.payment_orders WHERE kind = 'renewal'")
        assert resume(shop, subscription_id).data["order"]["order_no"] == order_no
        shop.hear(build.paid(order_no, subscription_id, shop.customer, kind="renewal"))
        assert shop.status(subscription_id)["status"] == "active"


def test_what_has_no_plan_any_more_is_not_resumed(noon, shop) -> None:
    with shop.at(noon + 45 * DAY):
        subscription_id = paused(shop, noon)
        shop.house.sql("UPDATE subscriptions.subscription_plans SET status = 'archived'")
        assert resume(shop, subscription_id).error == (409, "plan_archived")
        shop.house.sql("UPDATE subscriptions.user_subscriptions SET resume_at = %s", (noon,))
        assert shop.resume_due() == 0
        assert shop.resume_due() == 0


@pytest.mark.parametrize("resume_at", ["2026-03-09T00:00:00Z", "2026-04-10T04:00:00Z"])
def test_a_pause_ends_after_the_paid_period_only(noon, shop, resume_at) -> None:
    subscription_id = shop.pay(shop.plan())
    answer = pause(shop, subscription_id, resume_at=resume_at)
    assert answer.error == (422, "resume_at_invalid")


def test_only_what_runs_and_goes_on_is_paused(noon, shop) -> None:
    pending, _ = shop.bought(shop.plan())
    assert pause(shop, pending).error == (409, "not_active")
    assert resume(shop, pending).error == (409, "not_paused")
    shop.api.post(f"/subscriptions/unsubscribe/{pending}", {}, token=shop.token)
    assert pause(shop, 10**9).status == resume(shop, 10**9).status == 404


def test_what_ends_with_its_period_is_not_paused_and_ending_wins_over_pausing(noon, shop) -> None:
    subscription_id = shop.pay(shop.plan())
    pause(shop, subscription_id)
    shop.api.post(f"/subscriptions/unsubscribe/{subscription_id}", {}, token=shop.token)
    assert pause(shop, subscription_id).error == (409, "not_active")
    with shop.at(noon + 45 * DAY):
        shop.expire()
        assert shop.status(subscription_id)["status"] == "expired"


def test_a_paused_one_is_cancelled_at_once_and_no_right_changes(noon, shop) -> None:
    with shop.at(noon + 45 * DAY):
        subscription_id = paused(shop, noon)
        plan_id = shop.status(subscription_id)["plan"]["plan_id"]
        said = shop.topics()
        answer = shop.api.post(f"/subscriptions/unsubscribe/{subscription_id}", {}, token=shop.token)
        assert (answer.status, answer.data["status"], answer.data["plan"]["subscriber_count"]) == (200, "cancelled", 0)
        assert shop.counts(plan_id) == (0, 0)
        assert shop.topics() == said
        assert shop.rebuild() == 0


def test_another_subscription_meanwhile_is_extended_by_the_resumption(noon, shop) -> None:
    with shop.at(noon + 45 * DAY):
        subscription_id = paused(shop, noon)
        order = resume(shop, subscription_id).data["order"]
        other = shop.pay(shop.plan())
        until = shop.status(other)["current_period_end"]
        shop.hear(build.paid(order["order_no"], subscription_id, shop.customer, kind="renewal"))
        assert shop.status(subscription_id)["status"] == "paused"
        assert shop.status(other)["current_period_end"] > until
        assert shop.rebuild() == 0
