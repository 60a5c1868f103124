"""Changes of plan: what the preview says is what is charged, and a tier begins when it is paid."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared import clock
from tests.subscriptions import build

DAY = timedelta(days=1)


def preview(shop, subscription_id, plan_id, when="now", **options):
    query = {"plan_id": plan_id, "when": when}
    return shop.api.get(f"/subscriptions/change-plan/{subscription_id}/preview", query=query, token=shop.token, **options)


def change(shop, subscription_id, plan_id):
    return shop.api.post(f"/subscriptions/change-plan/{subscription_id}", {"plan_id": plan_id}, token=shop.token)


def pays(shop, order, **fields):
    shop.hear(build.paid(order["order_no"], order["target_id"], shop.customer, kind="change_plan", **fields))


def test_an_upgrade_costs_the_new_price_less_what_is_unused(noon, shop) -> None:
    low, high = shop.plan(amount=3100), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(low)
    with shop.at(noon + 10 * DAY):  # 21 of 31 days are left
        seen = preview(shop, subscription_id, high).data
        assert [line["amount"] for line in seen["lines"]] == [9000, -2100]
        assert (seen["amount_due"], seen["currency"], seen["effective_at"]) == (6900, "CNY", "2026-03-20T04:00:00Z")
        answer = change(shop, subscription_id, high)
        order = answer.data["order"]
        assert (answer.status, answer.data["proration_amount"], order["payable_amount"]) == (200, 6900, 6900)
        assert (order["kind"], order["amount"], order["discount_amount"]) == ("change_plan", 9000, 2100)
        assert answer.data["subscription"]["plan"]["plan_id"] == low, "nothing changes before it is paid"

        pays(shop, order)
        state = shop.status(subscription_id)
        assert (state["status"], state["plan"]["plan_id"]) == ("active", high)
        assert (state["current_period_start"], state["current_period_end"]) == (
            "2026-03-20T04:00:00Z",
            "2026-04-20T04:00:00Z",
        )
        assert shop.holds().subscription.tier == 2
        assert (shop.counts(low), shop.counts(high)) == ((0, 0), (1, 1))
        assert shop.rebuild() == 0


def test_a_full_refund_of_the_upgrade_brings_back_what_was_there(noon, shop) -> None:
    low, high = shop.plan(amount=3100), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(low)
    before = shop.status(subscription_id)
    with shop.at(noon + 10 * DAY):
        order = change(shop, subscription_id, high).data["order"]
        pays(shop, order)
        shop.hear(build.refunded(order["order_no"], subscription_id, shop.customer, kind="change_plan"))
        assert shop.status(subscription_id) == before
        assert shop.holds().subscription.tier == 1
        assert shop.rebuild() == 0
    with shop.at(noon + 31 * DAY):
        assert shop.expire() == 1, "and it ends when it would have ended"


def test_an_upgrade_that_is_not_paid_changes_nothing(noon, shop) -> None:
    low, high = shop.plan(), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(low)
    before = shop.status(subscription_id)
    order = change(shop, subscription_id, high).data["order"]
    shop.house.sql("UPDATE payments.payment_orders SET status = 'cancelled' WHERE order_no = %s", (order["order_no"],))
    shop.hear(build.closed(order["order_no"], subscription_id, shop.customer, kind="change_plan"))
    assert shop.status(subscription_id) == before
    assert change(shop, subscription_id, high).data["order"]["order_no"] != order["order_no"]


def test_one_change_waits_at_a_time(noon, shop) -> None:
    low, high, higher = shop.plan(), shop.plan(tier=2, amount=9000), shop.plan(tier=3, amount=20000)
    subscription_id = shop.pay(low)
    order = change(shop, subscription_id, high).data["order"]
    assert change(shop, subscription_id, high).data["order"] == order
    assert change(shop, subscription_id, higher).error == (409, "already_subscribed")


def test_a_downgrade_is_kept_for_the_next_period_and_can_be_taken_back(noon, shop) -> None:
    low, high = shop.plan(), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(high)
    seen = preview(shop, subscription_id, low).data
    assert (seen["amount_due"], seen["effective_at"]) == (0, "2026-04-10T04:00:00Z")
    answer = change(shop, subscription_id, low).data
    assert (answer["order"], answer["proration_amount"]) == (None, 0)
    assert (answer["subscription"]["next_plan_id"], answer["subscription"]["plan"]["plan_id"]) == (low, high)
    assert change(shop, subscription_id, high).data["subscription"]["next_plan_id"] is None
    assert change(shop, subscription_id, high).error == (409, "same_plan")


def test_the_plan_chosen_for_the_next_period_is_the_one_resumed(noon, shop) -> None:
    low, high = shop.plan(amount=1000), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(high)
    change(shop, subscription_id, low)
    shop.api.post(f"/subscriptions/pause/{subscription_id}", {}, token=shop.token)
    with shop.at(noon + 31 * DAY):
        shop.expire()
        order = shop.api.post(f"/subscriptions/resume/{subscription_id}", token=shop.token).data["order"]
        assert order["payable_amount"] == 1000
        shop.hear(build.paid(order["order_no"], subscription_id, shop.customer, kind="renewal"))
        state = shop.status(subscription_id)
        assert (state["plan"]["plan_id"], state["next_plan_id"]) == (low, None)


def test_an_upgrade_asked_for_at_the_period_end_is_due_then(noon, shop) -> None:
    low, high = shop.plan(), shop.plan(tier=2)
    seen = preview(shop, shop.pay(low), high, "period_end").data
    assert (seen["amount_due"], seen["effective_at"]) == (0, "2026-04-10T04:00:00Z")


def test_a_trial_is_worth_nothing_when_it_is_given_up(noon, shop) -> None:
    trial, high = shop.plan(trial_days=7), shop.plan(tier=2, amount=9000)
    subscription_id = shop.subscribe(trial).data["subscription"]["subscription_id"]
    order = change(shop, subscription_id, high).data["order"]
    assert order["payable_amount"] == 9000
    pays(shop, order)
    assert shop.status(subscription_id)["status"] == "active"


def test_more_unused_than_the_new_plan_costs_is_never_paid_out(noon, shop) -> None:
    low, high = shop.plan(amount=30000, interval="year"), shop.plan(tier=2, amount=5000)
    subscription_id = shop.pay(low)
    assert preview(shop, subscription_id, high).data["amount_due"] == 0
    answer = change(shop, subscription_id, high)
    assert (answer.data["proration_amount"], answer.data["order"]["status"]) == (0, "paid")
    assert answer.data["subscription"]["plan"]["plan_id"] == high, "nobody pays nothing: it is given at once"
    shop.project()
    assert shop.holds().subscription.tier == 2


def test_a_second_upgrade_takes_off_what_the_first_was_worth(noon, shop) -> None:
    low, high, higher = shop.plan(amount=3100), shop.plan(tier=2, amount=9300), shop.plan(tier=3, amount=20000)
    subscription_id = shop.pay(low)
    pays(shop, change(shop, subscription_id, high).data["order"])
    assert preview(shop, subscription_id, higher).data["amount_due"] == 20000 - 9300


def test_what_cannot_be_changed_is_said(noon, shop) -> None:
    low, gone, full = shop.plan(), shop.plan(tier=2, status="archived"), shop.plan(tier=2, max_subscribers=1)
    shop.house.sql("UPDATE subscriptions.subscription_plans SET seats_taken = 1 WHERE plan_id = %s", (full,))
    other = build.plan(shop.house.sql, build.person(shop.house.sql), tier=5)
    subscription_id = shop.pay(low)
    for ask in (preview, change):
        assert ask(shop, subscription_id, low).error == (409, "same_plan")
        assert ask(shop, subscription_id, gone).error == (409, "plan_archived")
        assert ask(shop, subscription_id, full).error == (409, "plan_full")
        assert ask(shop, subscription_id, other).error == (422, "plan_of_other_creator")
        assert ask(shop, subscription_id, 10**9).error == (404, "plan_not_found")
        assert ask(shop, 10**9, low).error == (404, "subscription_not_found")
    with shop.at(noon + 40 * DAY):
        assert change(shop, subscription_id, full).error == (409, "subscription_not_active")


def test_lines_are_named_in_the_readers_language(noon, shop) -> None:
    low, high = shop.plan(), shop.plan(tier=2, amount=9000)
    subscription_id = shop.pay(low)
    said = {
        language: [
            line["label"]
            for line in preview(shop, subscription_id, high, headers={"accept-language": language}).data["lines"]
        ]
        for language in ("zh-CN", "en")
    }
    assert said == {
        "zh-CN": ["新方案价格", "原方案未使用部分抵扣"],
        "en": ["Price of the new plan", "Unused part of the present plan"],
    }


def test_renewal_is_turned_off_once(noon, shop) -> None:
    made = shop.subscribe(shop.plan(), auto_renew=True, channel="alipay").data
    path = f"/subscriptions/cancel-renew/{made['subscription']['subscription_id']}"
    assert shop.api.post(path, token=shop.token).data["auto_renew"] is False
    assert shop.api.post(path, token=shop.token).error == (409, "already_disabled")
    assert shop.api.post("/subscriptions/cancel-renew/1000000", token=shop.token).error == (404, "subscription_not_found")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=some.integers(1, 10**6),
    new=some.integers(1, 10**6),
    day=some.integers(0, 29),
    percent=some.one_of(some.none(), some.integers(1, 99)),
)
def test_the_lines_of_the_preview_are_what_the_order_charges(shop, old, new, day, percent) -> None:
    with clock.frozen(build.NOON):
        shop.customer = build.person(shop.house.sql)
        shop.token = shop.sign_in(shop.customer)
        low, high = shop.plan(amount=old), shop.plan(tier=2, amount=new)
        if percent:
            shop.house.sql(
                """
                INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, starts_at,
                    created_at, updated_at)
                VALUES (%s, 'plan', %s, 'time_window', jsonb_build_object('percent_off', %s::int), 0, %s, now(), now())
                """,
                (shop.creator, high, percent, build.NOON),
            )
        subscription_id = shop.pay(low)
    with shop.at(build.NOON + day * DAY):
        seen, order = preview(shop, subscription_id, high).data, change(shop, subscription_id, high).data["order"]
        due = sum(line["amount"] for line in seen["lines"])
        assert due == seen["amount_due"] == order["payable_amount"] == sum(line["amount"] for line in order["price_lines"])
        assert [line["amount"] for line in seen["lines"]] == [line["amount"] for line in order["price_lines"]]
        assert 0 <= due <= new
