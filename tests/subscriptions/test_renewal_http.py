"""What a subscriber sees and says of renewals, over HTTP; and how much it takes."""

from datetime import timedelta

import pytest

from functions.subscriptions.service import renewals
from functions.subscriptions.store import renewals as store
from tests.fixtures.budget import statements
from tests.subscriptions import build
from tests.subscriptions.conftest import Shop

DAY = timedelta(days=1)


@pytest.fixture
def renewal(shop: Shop):
    """Ask or tell about a subscription's renewal."""

    def call(verb: str, subscription_id: int, body=None, *, rest: str = "", token: str | None = None):
        path = f"/subscriptions/renewals/{subscription_id}{rest}"
        return shop.api.call(verb, path, token=token or shop.token, json_body=body)

    return call


def drive(shop: Shop, subscription_id: int, at) -> None:
    """What a turn of the execution does."""
    with shop.house.acting("subscriptions") as db:
        renewals.hold(db, subscription_id)
        store.begin(db, subscription_id, at)
        row = store.of_subscription(db, subscription_id)
        assert row is not None
        renewals.drive(db, row["renewal_id"], at)


def test_a_subscriber_sees_what_will_be_debited_and_switches_the_means(noon, shop, renewal) -> None:
    subscription_id = shop.pay(shop.plan())
    shown = renewal("GET", subscription_id).data
    assert shown == {
        "subscription_id": subscription_id,
        "renews": False,
        "means": "pay_link",
        "due_at": "2026-04-10T04:00:00Z",
        "plan_id": shown["plan_id"],
        "amount": None,
        "needs_consent": False,
        "notified_at": None,
        "order_no": None,
        "tries": 0,
        "failure": None,
        "next_attempt_at": None,
        "grace_until": None,
    }
    assert renewal("PUT", subscription_id, {"means": "balance"}).data["auto_renew"] is True
    shown = renewal("GET", subscription_id).data
    assert (shown["renews"], shown["means"], shown["amount"], shown["needs_consent"]) == (True, "balance", 3000, False)
    assert shop.api.post(f"/subscriptions/cancel-renew/{subscription_id}", token=shop.token).data["auto_renew"] is False
    assert renewal("GET", subscription_id).data["renews"] is False


def test_the_order_to_pay_is_shown_while_it_is_open(noon, shop, renewal) -> None:
    subscription_id = shop.pay(shop.plan())
    renewal("PUT", subscription_id, {"means": "pay_link"})
    due = noon + 31 * DAY
    with shop.at(due):
        drive(shop, subscription_id, due)
        shown = renewal("GET", subscription_id).data
        assert (shown["amount"], shown["grace_until"]) == (3000, "2026-04-18T04:00:00Z")
        assert shop.status(subscription_id)["status"] == "past_due"
        shop.hear(build.paid(shown["order_no"], subscription_id, shop.customer, kind="renewal"))
        shown = renewal("GET", subscription_id).data
        assert (shown["order_no"], shown["due_at"], shown["grace_until"]) == (None, "2026-05-10T04:00:00Z", None)


def test_a_higher_price_is_agreed_to_as_it_was_shown(noon, shop, renewal) -> None:
    plan_id = shop.plan()
    subscription_id = shop.pay(plan_id)
    renewal("PUT", subscription_id, {"means": "balance"})
    shop.house.sql("UPDATE subscriptions.subscription_plans SET amount = 4000 WHERE plan_id = %s", (plan_id,))
    assert renewal("GET", subscription_id).data["needs_consent"] is True
    refused = renewal("POST", subscription_id, {"amount": 3000}, rest="/consent")
    assert (refused.error, refused.json["details"]) == ((409, "price_changed"), {"expected": 4000})
    agreed = renewal("POST", subscription_id, {"amount": 4000}, rest="/consent")
    assert (agreed.status, agreed.data["needs_consent"], agreed.data["amount"]) == (200, False, 4000)
    assert renewal("POST", subscription_id, {"amount": -1}, rest="/consent").error == (422, "validation_error")


def test_what_does_not_run_cannot_be_renewed(noon, shop, renewal) -> None:
    plan_id = shop.plan()
    subscription_id, _ = shop.bought(plan_id)
    assert renewal("PUT", subscription_id, {"means": "balance"}).error == (409, "subscription_not_active")
    assert renewal("POST", subscription_id, {"amount": 1}, rest="/consent").error == (409, "subscription_not_active")
    assert renewal("PUT", subscription_id, {"means": "usdt"}).error == (422, "validation_error")
    somebody = build.person(shop.house.sql)
    running = shop.pay(shop.plan(tier=2), shop.sign_in(somebody), somebody)
    for verb, rest in [("GET", ""), ("PUT", ""), ("POST", "/consent")]:
        body = {"PUT": {"means": "balance"}, "POST": {"amount": 1}}.get(verb)
        assert renewal(verb, running, body, rest=rest).error == (404, "subscription_not_found")


def test_turning_renewal_on_takes_a_cancellation_back_unless_the_plan_is_gone(noon, shop, renewal) -> None:
    plan_id = shop.plan()
    subscription_id = shop.pay(plan_id)
    shop.api.post(f"/subscriptions/unsubscribe/{subscription_id}", token=shop.token)
    assert renewal("PUT", subscription_id, {"means": "balance"}).data["cancel_at_period_end"] is False
    shop.api.delete(f"/subscriptions/plans/{plan_id}", token=shop.creator_token)
    assert renewal("PUT", subscription_id, {"means": "balance"}).error == (409, "plan_archived")


def test_a_quiet_turn_of_a_renewal_keeps_to_its_statement_budget(noon, shop, renewal) -> None:
    subscription_id = shop.pay(shop.plan())
    renewal("PUT", subscription_id, {"means": "balance"})
    drive(shop, subscription_id, noon + 26 * DAY)
    [(renewal_id,)] = shop.house.sql("SELECT renewal_id FROM subscriptions.renewals")

    def turn() -> None:
        db = shop.house.db
        renewals.hold(db, subscription_id)
        renewals.drive(db, renewal_id, noon + 27 * DAY)

    assert statements(shop.house, "subscriptions", turn) <= 5
    assert statements(shop.house, "subscriptions", lambda: renewal("GET", subscription_id)) <= 4
