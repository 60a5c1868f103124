"""What a subscriber was told, wants and agreed to decides whether a renewal is debited."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.subscriptions.schemas import PauseIn, UnsubscribeIn
from functions.subscriptions.service import changing, pausing, renewing, unsubscribing
from tests.subscriptions.collecting import DAY, HOUR, Collecting

SECOND = timedelta(seconds=1)


def test_without_renewal_there_is_a_reminder_and_then_the_end(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(), auto_renew=False)
    due = collecting.ends(subscription_id)
    collecting.until(due - SECOND)
    assert (collecting.notices(), collecting.status(subscription_id)) == (["reminder"], "active")
    collecting.until(due)
    assert (collecting.status(subscription_id), collecting.notices()) == ("expired", ["reminder"])
    assert collecting.sql("SELECT 1 FROM payments.payment_orders WHERE kind = 'renewal'") == []


def test_a_price_above_the_agreed_one_is_not_debited_without_consent(collecting: Collecting) -> None:
    plan_id = collecting.plan()
    subscription_id = collecting.subscribed(plan_id)
    due = collecting.ends(subscription_id)
    collecting.sql("UPDATE subscriptions.subscription_plans SET amount = 4000")
    collecting.until(due + DAY)
    assert (collecting.debits, collecting.status(subscription_id)) == ([], "past_due")
    asked = collecting.sql(
        "SELECT payload->'needs_consent', payload->'amount' FROM platform.outbox_events WHERE topic LIKE '%%notice_due%%' ORDER BY id"
    )
    assert asked == [(True, 4000), (True, 4000)]
    shown = collecting.act(renewing.consent, collecting.customer, subscription_id, 4000)
    assert not shown.needs_consent
    collecting.hear()
    assert [debit.amount for debit in collecting.debits] == [4000]
    assert collecting.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)


def test_a_price_raised_after_the_notice_is_announced_anew_and_the_debit_shifts(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.until(due - DAY)
    collecting.sql("UPDATE subscriptions.subscription_plans SET amount = 4000")
    collecting.sql("UPDATE subscriptions.renewal_consents SET amount = 4000")
    collecting.until(due + 5 * DAY - SECOND)
    assert (collecting.notices(), collecting.debits, collecting.has_access()) == (["renewal", "renewal"], [], True)
    collecting.past(SECOND)
    assert [debit.amount for debit in collecting.debits] == [4000]
    assert collecting.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)


def test_nothing_is_debited_before_five_days_after_the_notice_was_sent(collecting: Collecting) -> None:
    """The letters of five days wait; the debit shifts with them, and access is kept meanwhile."""
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.deaf = True
    collecting.until(due - DAY)
    collecting.deaf, collecting.seen = False, 0
    collecting.answers = ["insufficient"]
    collecting.until(due + 4 * DAY - SECOND)
    assert (collecting.notices(), collecting.told, collecting.debits, collecting.has_access()) == (["renewal"], 1, [], True)
    collecting.until(due + 12 * DAY - SECOND)
    assert collecting.debit_days(due) == [4, 5], "the ladder counts from the first try"
    assert collecting.status(subscription_id) == "active"


def test_who_cannot_be_told_is_not_debited_but_may_pay(collecting: Collecting) -> None:
    collecting.sql("UPDATE identity.users SET email = NULL, email_verified_at = NULL WHERE uid = %s", (collecting.customer,))
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.until(due + 2 * DAY)
    assert (collecting.debits, collecting.told, collecting.has_access()) == ([], 0, True)
    collecting.pay(collecting.order_no())
    assert collecting.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)


def test_renewal_turned_on_a_day_before_the_end_gives_five_days_notice_first(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(), auto_renew=False)
    due = collecting.ends(subscription_id)
    collecting.until(due - DAY)
    collecting.act(renewing.turn_on, collecting.customer, subscription_id, "balance")
    collecting.until(due + 4 * DAY - SECOND)
    assert (collecting.notices(), collecting.debits, collecting.has_access()) == (["reminder", "renewal"], [], True)
    assert collecting.status(subscription_id) == "active"
    collecting.past(SECOND)
    assert (collecting.debit_days(due), collecting.ends(subscription_id)) == ([4], datetime(2026, 5, 10, 4, 0, tzinfo=UTC))


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("wish", ["pause", "cancel", "off"])
def test_who_wants_no_renewal_gets_none(collecting: Collecting, wish: str, early: bool) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    if not early:
        collecting.until(due - HOUR / 2)  # told, and access prolonged
    match wish:
        case "pause":
            collecting.act(pausing.pause, collecting.customer, subscription_id, PauseIn())
        case "cancel":
            collecting.act(unsubscribing.unsubscribe, collecting.customer, subscription_id, UnsubscribeIn())
        case "off":
            collecting.act(renewing.turn_off, collecting.customer, subscription_id)
    collecting.hear()
    # A reminder is still to be sent to who turned it off; the entry of who cancelled fires into nothing.
    assert len(collecting.entries) == int(early and wish != "pause")
    collecting.until(due)
    collecting.expire()
    assert collecting.status(subscription_id) == ("paused" if wish == "pause" else "expired")
    assert (collecting.debits, collecting.has_access()) == ([], False)
    assert collecting.notices() == ([["renewal"], ["reminder"]][early] if not early or wish == "off" else [])


def test_a_pause_taken_back_brings_the_entry_back(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    before = dict(collecting.entries)
    collecting.act(pausing.pause, collecting.customer, subscription_id, PauseIn())
    collecting.hear()
    collecting.act(pausing.resume, collecting.customer, subscription_id)
    collecting.hear()
    assert collecting.entries == before
    assert before


def test_a_cheaper_plan_comes_with_the_next_period_and_not_before(collecting: Collecting) -> None:
    high, low = collecting.plan(tier=2, amount=9000), collecting.plan(amount=2000)
    subscription_id = collecting.subscribed(high)
    due = collecting.ends(subscription_id)
    collecting.act(changing.change, collecting.customer, subscription_id, low)
    collecting.until(due - SECOND)
    assert collecting.subscription(subscription_id)["plan_id"] == high
    collecting.until(due)
    row = collecting.subscription(subscription_id)
    assert (row["plan_id"], row["tier"], row["next_plan_id"]) == (low, 1, None)
    assert [debit.amount for debit in collecting.debits] == [2000]


def test_a_chosen_plan_that_is_gone_by_then_leaves_the_present_one_announced_anew(collecting: Collecting) -> None:
    high, low = collecting.plan(tier=2, amount=9000), collecting.plan(amount=2000)
    subscription_id = collecting.subscribed(high)
    due = collecting.ends(subscription_id)
    collecting.act(changing.change, collecting.customer, subscription_id, low)
    collecting.until(due - DAY)
    collecting.sql("UPDATE subscriptions.subscription_plans SET status = 'archived' WHERE plan_id = %s", (low,))
    collecting.until(due + 5 * DAY)
    assert (collecting.notices(), collecting.debit_days(due)) == (["renewal", "renewal"], [5])
    assert [debit.amount for debit in collecting.debits] == [9000]


def test_a_creator_who_has_left_renews_nothing(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = %s", (collecting.creator,))
    collecting.until(due)
    assert (collecting.status(subscription_id), collecting.notices(), collecting.debits) == ("expired", ["reminder"], [])


def test_a_notice_is_sent_once_and_its_first_time_holds(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    collecting.until(collecting.ends(subscription_id) - 5 * DAY)
    [(sent_at,)] = collecting.sql("SELECT sent_at FROM subscriptions.renewal_notices")
    collecting.seen = 0
    collecting.past(HOUR)
    assert (collecting.told, collecting.sql("SELECT sent_at FROM subscriptions.renewal_notices")) == (1, [(sent_at,)])
