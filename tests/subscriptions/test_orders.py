"""What facts about orders do, in and out of order, once and often."""

from datetime import timedelta
from itertools import permutations

import pytest

from functions.subscriptions import on_order_closed, on_order_paid
from shared import clock
from tests.subscriptions import build

HOUR = timedelta(hours=1)


def test_a_paid_order_activates_from_the_moment_of_payment(noon, shop) -> None:
    plan_id = shop.plan(interval="year", tier=2)
    subscription_id, order_no = shop.bought(plan_id)

    shop.hear(build.paid(order_no, subscription_id, shop.customer, paid_at=noon + HOUR))

    state = shop.status(subscription_id)
    assert (state["status"], state["order_no"]) == ("active", order_no)
    assert (state["current_period_start"], state["current_period_end"]) == ("2026-03-10T05:00:00Z", "2027-03-10T05:00:00Z")
    right = shop.holds().subscription
    assert (right.source, right.plan_id, right.tier) == ("subscription", plan_id, 2)
    assert clock.rfc3339(right.valid_until) == state["current_period_end"]
    assert shop.counts(plan_id) == (1, 1)
    assert shop.topics() == ["entitlement_changed", "activated"]
    [said] = shop.house.facts("subscriptions.activated.v1")
    assert (said["subscription_id"], said["period_end"]) == (subscription_id, "2027-03-10T05:00:00Z")


def test_the_same_payment_delivered_again_or_told_again_changes_nothing(shop) -> None:
    plan_id = shop.plan()
    subscription_id, order_no = shop.bought(plan_id)
    fact = build.paid(order_no, subscription_id, shop.customer)
    shop.hear(fact)
    before = (shop.status(subscription_id), shop.topics())
    shop.hear(fact, build.paid(order_no, subscription_id, shop.customer, paid_at=clock.now() + HOUR))
    assert (shop.status(subscription_id), shop.topics()) == before


def test_a_closed_order_lets_its_subscription_go_without_a_word(shop) -> None:
    plan_id = shop.plan()
    subscription_id, order_no = shop.bought(plan_id)
    shop.hear(build.closed(order_no, subscription_id, shop.customer))
    assert shop.status(subscription_id)["status"] == "expired"
    assert shop.counts(plan_id) == (0, 0)
    assert shop.topics() == [], "no right changed"


def test_a_payment_after_the_close_still_gives_access(shop) -> None:
    plan_id = shop.plan()
    subscription_id, order_no = shop.bought(plan_id)
    shop.hear(build.closed(order_no, subscription_id, shop.customer), build.paid(order_no, subscription_id, shop.customer))
    assert shop.status(subscription_id)["status"] == "active"
    assert shop.holds().subscription is not None


def test_a_payment_after_close_and_archiving_gives_its_period_and_no_renewal(shop) -> None:
    plan_id = shop.plan()
    made = shop.subscribe(plan_id, auto_renew=True).data
    order = (made["order"]["order_no"], made["subscription"]["subscription_id"], shop.customer)
    shop.hear(build.closed(*order))
    shop.api.delete(f"/subscriptions/plans/{plan_id}", token=shop.creator_token)
    shop.hear(build.paid(*order))
    state = shop.status(order[1])
    assert (state["status"], state["cancel_at_period_end"], state["next_renewal_at"]) == ("active", True, None)


def test_a_close_after_the_payment_takes_nothing(shop) -> None:
    subscription_id, order_no = shop.bought(shop.plan())
    shop.hear(build.paid(order_no, subscription_id, shop.customer), build.closed(order_no, subscription_id, shop.customer))
    assert shop.status(subscription_id)["status"] == "active"


def late(shop, first_plan, second_plan, *, pay_second):
    """The first order closed unpaid, then a second subscription, then the first order paid after all."""
    first, first_order = shop.bought(first_plan)
    shop.hear(build.closed(first_order, first, shop.customer))
    second, second_order = shop.bought(second_plan)
    if pay_second:
        shop.hear(build.paid(second_order, second, shop.customer))
    shop.hear(build.paid(first_order, first, shop.customer, paid_at=clock.now() + HOUR))
    return first, first_order, second, second_order


def test_a_late_payment_extends_the_subscription_that_runs_meanwhile(noon, shop) -> None:
    monthly, yearly = shop.plan(), shop.plan(interval="year")
    first, _, second, _ = late(shop, monthly, yearly, pay_second=True)
    assert shop.status(first)["status"] == "expired"
    state = shop.status(second)
    assert (state["status"], state["current_period_end"]) == ("active", "2027-04-10T04:00:00Z")
    assert clock.rfc3339(shop.holds().subscription.valid_until) == "2027-04-10T04:00:00Z"
    assert (shop.counts(monthly), shop.counts(yearly)) == ((0, 0), (1, 1))


def test_a_late_payment_for_a_higher_tier_raises_the_subscription_it_extends(noon, shop) -> None:
    high, low = shop.plan(tier=3), shop.plan(tier=1)
    _, _, second, _ = late(shop, high, low, pay_second=True)
    assert shop.status(second)["plan"]["plan_id"] == high
    assert shop.holds().subscription.tier == 3
    assert (shop.counts(high), shop.counts(low)) == ((1, 1), (0, 0))


def test_a_late_payment_for_a_lower_tier_leaves_the_higher_one(noon, shop) -> None:
    low, high = shop.plan(tier=1), shop.plan(tier=3)
    _, _, second, _ = late(shop, low, high, pay_second=True)
    assert shop.status(second)["plan"]["plan_id"] == high
    assert shop.status(second)["current_period_end"] == "2026-05-10T04:00:00Z"


def test_a_subscription_still_unpaid_gives_way_to_a_late_payment_and_loses_nothing(noon, shop) -> None:
    plan_id = shop.plan()
    first, _, second, second_order = late(shop, plan_id, plan_id, pay_second=False)
    assert (shop.status(first)["status"], shop.status(second)["status"]) == ("active", "expired")
    assert shop.counts(plan_id) == (1, 1)

    shop.hear(build.paid(second_order, second, shop.customer))
    assert shop.status(first)["current_period_end"] == "2026-05-10T04:00:00Z", "its money extends the one that runs"
    assert shop.status(second)["status"] == "expired"
    assert shop.counts(plan_id) == (1, 1)


def test_a_late_payment_turns_a_running_trial_into_a_paid_subscription(noon, shop) -> None:
    first, first_order = shop.bought(shop.plan())
    shop.hear(build.closed(first_order, first, shop.customer))
    trial = shop.subscribe(shop.plan(trial_days=7)).data["subscription"]["subscription_id"]
    shop.hear(build.paid(first_order, first, shop.customer))
    state = shop.status(trial)
    assert (state["status"], state["current_period_end"]) == ("active", "2026-04-17T04:00:00Z")
    assert shop.holds().subscription.source == "subscription"


def test_a_full_refund_ends_the_subscription(shop) -> None:
    plan_id = shop.plan()
    subscription_id, order_no = shop.bought(plan_id)
    shop.hear(build.paid(order_no, subscription_id, shop.customer), build.refunded(order_no, subscription_id, shop.customer))
    state = shop.status(subscription_id)
    assert state["status"] == "cancelled"
    assert state["cancelled_at"] is not None
    assert shop.holds().subscription is None
    assert shop.counts(plan_id) == (0, 0)
    assert shop.house.facts("subscriptions.ended.v1")[0]["reason"] == "refunded"


def test_a_partial_refund_takes_nothing(shop) -> None:
    subscription_id, order_no = shop.bought(shop.plan())
    part = build.refunded(order_no, subscription_id, shop.customer, amount=1, refunded_total=1, full=False)
    shop.hear(build.paid(order_no, subscription_id, shop.customer), part)
    assert shop.status(subscription_id)["status"] == "active"
    assert shop.holds().subscription is not None


def test_refunding_one_of_two_payments_leaves_what_the_other_pays(noon, shop) -> None:
    plan_id = shop.plan()
    first, first_order, second, second_order = late(shop, plan_id, plan_id, pay_second=True)
    shop.hear(build.refunded(first_order, first, shop.customer))
    assert shop.status(second)["status"] == "active"
    assert shop.status(second)["current_period_end"] == "2026-04-10T04:00:00Z"
    assert clock.rfc3339(shop.holds().subscription.valid_until) == "2026-04-10T04:00:00Z"

    shop.hear(build.refunded(second_order, second, shop.customer))
    assert shop.status(second)["status"] == "cancelled"
    assert shop.holds().subscription is None


def test_a_refund_of_a_subscription_that_is_over_changes_no_right(noon, shop) -> None:
    plan_id = shop.plan()
    old, old_order = shop.bought(plan_id)
    shop.hear(build.paid(old_order, old, shop.customer))
    with clock.frozen(noon + timedelta(days=40)):
        shop.expire()
        shop.token = shop.sign_in(shop.customer)
        new = shop.pay(plan_id)
        shop.hear(build.refunded(old_order, old, shop.customer))
        assert (shop.status(old)["status"], shop.status(new)["status"]) == ("expired", "active")
        assert shop.holds().subscription is not None


def test_whatever_the_order_of_payment_close_and_refund_the_end_is_the_same(noon, shop) -> None:
    ends = set()
    for sequence in permutations(["paid", "closed", "refunded"]):
        customer = build.person(shop.house.sql)
        token = shop.sign_in(customer)
        plan_id = shop.plan()
        subscription_id, order_no = shop.bought(plan_id, token)
        for name in sequence:
            fact = getattr(build, name)(order_no, subscription_id, customer)
            shop.hear(fact, fact)
        ends.add(shop.status(subscription_id, token)["status"] in {"expired", "cancelled"})
        assert shop.counts(plan_id) == (0, 0)
        assert shop.subscribe(plan_id, token).status == 201
    assert ends == {True}


@pytest.mark.parametrize("kind", ["question_bank", "usdt"])
def test_orders_of_kinds_not_sold_here_are_let_pass(shop, kind) -> None:
    shop.hear(build.paid("NOBODYS", 1, shop.customer, kind=kind), build.refunded("NOBODYS", 1, shop.customer, kind=kind))
    assert shop.topics() == []


def test_a_subscription_order_nobody_knows_is_not_swallowed(shop) -> None:
    with shop.house.acting("subscriptions"):
        for listener, fact in ((on_order_paid, build.paid), (on_order_closed, build.closed)):
            failed = listener.handler(build.messages(fact("NOBODYS", 1, shop.customer)), None)
            assert len(failed["batchItemFailures"]) == 1


def buys(shop, content_id, order_no):
    return {"order_no": order_no, "target_id": content_id, "buyer_id": shop.customer}, {
        "kind": "content",
        "seller_id": shop.creator,
    }


def test_a_paid_content_is_held_for_good_until_it_is_refunded(shop) -> None:
    content_id = build.work(shop.house.sql, shop.creator, "paid")
    (order, more) = buys(shop, content_id, "C1")
    fact = build.paid(**order, **more)
    shop.hear(fact, fact)
    right = shop.holds(content_id).purchase
    assert (right.source, right.valid_until) == ("purchase", None)
    assert shop.topics() == ["entitlement_changed"]

    shop.hear(build.refunded(**order, **more, full=False, amount=1, refunded_total=1))
    assert shop.holds(content_id).purchase is not None
    shop.hear(build.refunded(**order, **more))
    assert shop.holds(content_id).purchase is None


def test_a_content_refunded_before_it_was_heard_to_be_paid_is_not_given(shop) -> None:
    content_id = build.work(shop.house.sql, shop.creator, "paid")
    (order, more) = buys(shop, content_id, "C1")
    shop.hear(build.refunded(**order, **more), build.paid(**order, **more))
    assert shop.holds(content_id).purchase is None


def test_a_content_paid_twice_is_held_until_both_are_refunded(shop) -> None:
    content_id = build.work(shop.house.sql, shop.creator, "paid")
    for number in ("C1", "C2"):
        (order, more) = buys(shop, content_id, number)
        shop.hear(build.paid(**order, **more))
    for number, still in (("C1", True), ("C2", False)):
        (order, more) = buys(shop, content_id, number)
        shop.hear(build.refunded(**order, **more))
        assert (shop.holds(content_id).purchase is not None) is still


def test_rights_told_late_or_twice_never_turn_the_read_model_back(shop) -> None:
    subscription_id, order_no = shop.bought(shop.plan())
    for fact in (build.paid, build.refunded):
        shop.deliver(fact(order_no, subscription_id, shop.customer))
    given, taken = shop.house.facts("subscriptions.entitlement_changed.v1")
    assert taken["version"] > given["version"]
    for told in (taken, given, taken, given):
        shop.told(told)
        assert shop.holds().subscription is None
