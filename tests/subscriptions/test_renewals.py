"""Renewals from the notice to the next period, or to the end: played through Scheduler, the state machine and the queues."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.subscriptions.service import renewal_answers, renewing
from shared import clock
from shared.clock import SHANGHAI
from tests.subscriptions import build
from tests.subscriptions.collecting import DAY, HOUR, Collecting

SECOND = timedelta(seconds=1)


def agreement(collecting: Collecting, subscription_id: int, most: int = 100_000, status: str = "signed") -> int:
    """An agreement of the subscriber, under which this subscription is renewed."""
    ended = None if status == "signed" else collecting.at
    agreement_id = collecting.one(
        """
        INSERT INTO subscriptions.payment_agreements (user_id, subscription_id, channel, external_no, agreement_no, status, single_amount,
            period_months, offered_at, signed_at, ended_at, end_reason, created_at, updated_at)
        VALUES (%s, %s, 'alipay', 'A' || %s, 'sealed', %s, %s, 1, now(), now(), %s, %s, now(), now()) RETURNING agreement_id
        """,
        collecting.customer,
        subscription_id,
        subscription_id,
        status,
        most,
        ended,
        ended and "user",
    )
    collecting.sql(
        "UPDATE subscriptions.user_subscriptions SET agreement_id = %s WHERE subscription_id = %s",
        (agreement_id, subscription_id),
    )
    return int(agreement_id)


def test_a_renewal_is_announced_five_days_before_and_debited_when_the_period_ends(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    assert [at for at, _ in collecting.entries.values()] == [due - 5 * DAY - HOUR], "one entry, before the notice"
    collecting.until(due - 5 * DAY)
    assert (collecting.notices(), collecting.told, collecting.entries) == (["renewal"], 1, {})
    collecting.until(due - SECOND)
    assert collecting.debits == []
    assert collecting.subscription(subscription_id)["access_until"] > due, "access does not flicker while the order opens"
    collecting.until(due)
    [debit] = collecting.debits
    assert (debit.means, debit.amount, debit.try_no) == ("balance", 3000, 1)
    assert collecting.status(subscription_id) == "active"
    assert collecting.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)
    assert collecting.subscription(subscription_id)["access_until"] == collecting.ends(subscription_id)
    assert len(collecting.entries) == 1, "the next period has its entry"
    assert collecting.sql("SELECT status FROM subscriptions.renewals") == [("renewed",)]


def test_after_failures_on_days_0_1_3_and_7_a_subscription_expires(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["insufficient"] * 9
    collecting.until(due)
    assert (collecting.status(subscription_id), collecting.has_access()) == ("past_due", True)
    collecting.until(due + 7 * DAY - SECOND)
    assert (collecting.status(subscription_id), collecting.has_access()) == ("past_due", True)
    collecting.past(30 * DAY)
    assert collecting.debit_days(due) == [0, 1, 3, 7]
    row = collecting.subscription(subscription_id)
    assert (row["status"], row["auto_renew"], row["grace_until"], collecting.has_access()) == ("expired", False, None, False)
    assert collecting.notices() == ["renewal", "failed", "expired"]
    assert (collecting.told, collecting.entries) == (3, {})
    assert {at for at, _ in collecting.executions.values()} == {"Done"}


@pytest.mark.parametrize(("failures", "day"), [(1, 1), (2, 3), (3, 7)])
def test_a_renewal_that_recovers_is_counted_from_the_end_of_the_last_period(
    collecting: Collecting, failures: int, day: int
) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["insufficient"] * failures
    collecting.until(due + day * DAY)
    row = collecting.subscription(subscription_id)
    assert (row["status"], row["current_period_start"], row["current_period_end"]) == (
        "active",
        due,
        datetime(2026, 5, 10, 4, 0, tzinfo=UTC),
    )
    assert (row["renew_attempts"], row["next_attempt_at"], row["grace_until"]) == (0, None, None)
    assert len(collecting.debits) == failures + 1


def test_a_hard_decline_stops_the_tries_and_keeps_the_link_until_grace_ends(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["declined"]
    collecting.until(due + 6 * DAY)
    assert (len(collecting.debits), collecting.status(subscription_id)) == (1, "past_due")
    collecting.pay(collecting.order_no())
    assert (collecting.status(subscription_id), collecting.ends(subscription_id)) == (
        "active",
        datetime(2026, 5, 10, 4, 0, tzinfo=UTC),
    )
    collecting.answers = ["limit"]
    second = collecting.ends(subscription_id)
    collecting.until(second + 8 * DAY - SECOND)
    assert collecting.status(subscription_id) == "past_due"
    collecting.past(SECOND)
    assert (collecting.status(subscription_id), len(collecting.debits)) == ("expired", 2)


def test_by_a_link_nothing_is_debited_and_access_is_kept_for_the_grace(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(), renew_means=None)
    due = collecting.ends(subscription_id)
    collecting.until(due + 8 * DAY - SECOND)
    assert (collecting.debits, collecting.status(subscription_id), collecting.has_access()) == ([], "past_due", True)
    collecting.past(SECOND)
    assert (collecting.status(subscription_id), collecting.has_access()) == ("expired", False)
    collecting.past(HOUR)
    collecting.pay(collecting.order_no())
    row = collecting.subscription(subscription_id)
    assert (row["status"], row["current_period_start"]) == ("active", collecting.at), "what is paid too late begins then"


def test_a_free_plan_goes_on_for_nothing(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(amount=0))
    collecting.until(datetime(2026, 6, 1, tzinfo=UTC))
    assert (collecting.status(subscription_id), collecting.debits) == ("active", [])
    assert collecting.ends(subscription_id) == datetime(2026, 6, 10, 4, 0, tzinfo=UTC)


def test_a_trial_becomes_its_first_paid_period_or_ends_with_the_first_failure(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(trial_days=14))
    due = collecting.ends(subscription_id)
    collecting.until(due)
    assert (collecting.status(subscription_id), collecting.ends(subscription_id)) == (
        "active",
        datetime(2026, 4, 24, 4, 0, tzinfo=UTC),
    )
    collecting.customer = collecting.reader()
    other = collecting.subscribed(collecting.plan(trial_days=14))
    collecting.answers = ["insufficient"]
    collecting.until(collecting.ends(other))
    assert (collecting.status(other), collecting.has_access()) == ("expired", False)


def test_an_agreement_debits_while_it_is_signed_and_up_to_what_was_signed_for(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(), renew_means=None)
    signed = agreement(collecting, subscription_id, most=3000)
    collecting.until(collecting.ends(subscription_id))
    [debit] = collecting.debits
    assert (debit.means, debit.agreement_id) == ("agreement", signed)
    collecting.sql("UPDATE subscriptions.payment_agreements SET single_amount = 2999")
    collecting.until(collecting.ends(subscription_id))
    assert (len(collecting.debits), collecting.status(subscription_id)) == (1, "past_due")
    collecting.sql(
        "UPDATE subscriptions.payment_agreements SET single_amount = 3000, status = 'terminated', ended_at = now(), end_reason = 'user'"
    )
    collecting.past(DAY)
    assert len(collecting.debits) == 1


def test_another_means_is_tried_at_once_while_a_renewal_is_unpaid(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["declined"]
    collecting.until(due + HOUR)
    assert (len(collecting.debits), collecting.status(subscription_id)) == (1, "past_due")
    agreement(collecting, subscription_id)
    collecting.act(renewal_answers.means_changed, subscription_id)
    collecting.hear()
    assert [(debit.means, debit.try_no) for debit in collecting.debits] == [("balance", 1), ("agreement", 2)]
    assert (collecting.status(subscription_id), collecting.ends(subscription_id)) == (
        "active",
        datetime(2026, 5, 10, 4, 0, tzinfo=UTC),
    )


def test_turning_renewal_on_again_from_the_balance_is_such_another_means(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan(), renew_means=None)
    due = collecting.ends(subscription_id)
    collecting.until(due + DAY)
    collecting.act(renewing.turn_on, collecting.customer, subscription_id, "balance")
    collecting.hear()
    assert (collecting.debit_days(due), collecting.status(subscription_id)) == ([1], "active")


def test_an_unknown_outcome_is_waited_for_and_not_tried_again(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["unknown"]
    collecting.until(due + 3 * DAY)
    assert (len(collecting.debits), collecting.status(subscription_id), collecting.has_access()) == (1, "active", True)
    collecting.pay(collecting.order_no())
    assert collecting.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)


def test_what_is_said_twice_or_too_late_about_a_debit_changes_nothing(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.answers = ["insufficient"]
    collecting.until(due)
    [first] = collecting.debits
    again = collecting.subscription(subscription_id)["next_attempt_at"]
    collecting.past(HOUR)
    collecting.deliver(collecting.failure(first, "declined"))
    row = collecting.subscription(subscription_id)
    assert (row["next_attempt_at"], row["status"], again) == (again, "past_due", due + DAY)
    collecting.until(due + DAY)
    collecting.deliver(collecting.failure(collecting.debits[1], "declined"))
    collecting.deliver(collecting.failure(collecting.debits[1].model_copy(update={"order_no": "nobody's"}), "declined"))
    assert (collecting.status(subscription_id), collecting.notices()) == ("active", ["renewal", "failed"])


def test_a_refund_of_a_renewal_moves_the_entry_or_ends_what_it_gave(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.until(due)
    with clock.frozen(collecting.at):
        back = build.refunded(collecting.order_no(), subscription_id, collecting.customer, kind="renewal")
    collecting.deliver(back)
    collecting.hear()
    assert (collecting.status(subscription_id), collecting.entries, collecting.has_access()) == ("cancelled", {}, False)


def test_the_lines_of_the_order_are_what_is_charged(collecting: Collecting) -> None:
    plan_id = collecting.plan(amount=9999)
    collecting.sql(
        """
        INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, is_active,
            created_at, updated_at)
        VALUES (%s, 'plan', %s, 'time_window', '{"percent_off": 7}', 0, true, now(), now())
        """,
        (collecting.creator, plan_id),
    )
    subscription_id = collecting.subscribed(plan_id)
    collecting.until(collecting.ends(subscription_id))
    [(lines, payable)] = collecting.sql(
        "SELECT price_lines, payable_amount FROM payments.payment_orders WHERE kind = 'renewal'"
    )
    assert sum(line["amount"] for line in lines) == payable == collecting.debits[0].amount == 9300


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        ("2026-01-31T09:30", ["2026-02-28T09:30", "2026-03-31T09:30", "2026-04-30T09:30", "2026-05-31T09:30"]),
        ("2027-12-31T00:00", ["2028-01-31T00:00", "2028-02-29T00:00", "2028-03-31T00:00"]),
        ("2026-12-30T23:59", ["2027-01-30T23:59", "2027-02-28T23:59", "2027-03-30T23:59"]),
    ],
)
def test_months_keep_the_day_they_began_on(collecting: Collecting, start: str, ends: list[str]) -> None:
    collecting.at = datetime.fromisoformat(start).replace(tzinfo=SHANGHAI).astimezone(UTC)
    subscription_id = collecting.subscribed(collecting.plan())
    for end in ends:
        assert collecting.ends(subscription_id).astimezone(SHANGHAI).isoformat()[:16] == end
        collecting.answers = ["insufficient"]  # a late payment moves nothing
        collecting.until(collecting.ends(subscription_id) + DAY)
