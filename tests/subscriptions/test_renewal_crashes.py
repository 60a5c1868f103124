"""Renewals killed at every moment and raced against themselves: nothing is lost, and nobody is charged twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from functions.subscriptions.service import changing, orders, renewal_answers, renewals
from functions.subscriptions.store import renewals as store
from shared import clock
from shared.sql import outbox
from shared.sql.connection import Connection, connect
from tests.subscriptions import build
from tests.subscriptions.collecting import DAY, HOUR, Collecting

SECOND = timedelta(seconds=1)
AT_ONCE = 16


def play(collecting: Collecting) -> dict[str, Any]:
    """Two renewals, one of them late, a plan changed on the way, an end; what is left, with names instead of numbers."""
    high, low = collecting.plan(tier=2, amount=9000), collecting.plan(amount=2000)
    subscription_id = collecting.subscribed(high)
    collecting.answers = ["insufficient", "paid", "declined"]
    collecting.until(collecting.ends(subscription_id) + DAY)
    collecting.act(changing.change, collecting.customer, subscription_id, low)
    collecting.until(collecting.ends(subscription_id) + 9 * DAY)
    row = collecting.subscription(subscription_id)
    return {
        "row": [row[name] for name in ("status", "auto_renew", "current_period_start", "current_period_end", "entry_at")],
        "plan": row["plan_id"] == low,
        "debits": [(debit.try_no, debit.amount, debit.requested_at) for debit in collecting.debits],
        "orders": Counter(collecting.sql("SELECT kind, status, payable_amount FROM payments.payment_orders")),
        "periods": Counter(collecting.sql("SELECT kind, status, amount FROM subscriptions.subscription_periods")),
        "renewals": collecting.sql("SELECT status, due_at FROM subscriptions.renewals ORDER BY due_at"),
        "notices": collecting.sql(
            "SELECT kind, amount, recorded_at, sent_at FROM subscriptions.renewal_notices ORDER BY 3, 1"
        ),
        "told": collecting.told,
        "entries": collecting.entries,
        "facts": Counter(collecting.sql("SELECT topic FROM platform.outbox_events")),
    }


def test_killed_at_every_moment_of_every_call_it_ends_as_if_nothing_had_been(
    collecting: Collecting, request: pytest.FixtureRequest
) -> None:
    expected = play(collecting)
    assert [debit[:2] for debit in expected["debits"]] == [(1, 9000), (2, 9000), (1, 2000)]
    assert expected["row"][:2] == ["expired", False]
    committing: Collecting = request.getfixturevalue("committing")
    committing.mortal = True
    assert play(committing) == expected
    assert committing.deaths > 250


def missed(collecting: Collecting) -> int:
    """A subscription whose entry was lost, a day after its notice was due."""
    subscription_id = collecting.subscribed(collecting.plan())
    collecting.entries.clear()
    collecting.at = collecting.ends(subscription_id) - 4 * DAY
    return subscription_id


def test_an_entry_that_was_lost_is_made_good_by_the_sweep(collecting: Collecting) -> None:
    subscription_id = missed(collecting)
    assert collecting.sweep() == 1
    assert collecting.sweep() == 0
    due = collecting.ends(subscription_id)
    collecting.until(due + DAY)
    assert [debit.requested_at - due for debit in collecting.debits] == [DAY], "five days after the late notice"


def test_an_execution_that_fell_silent_is_replaced(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    due = collecting.ends(subscription_id)
    collecting.until(due - DAY)
    [name] = collecting.executions
    collecting.executions[name] = ("Done", {})
    collecting.at = due - SECOND
    assert (collecting.sweep(), collecting.debits) == (0, []), "it may be late"
    collecting.at = due
    assert collecting.sweep() == 1
    collecting.past(SECOND)
    assert len(collecting.debits) == 1
    assert [one.rsplit("-", 1)[1] for one in sorted(collecting.executions)] == ["1", "2"]


def test_an_execution_that_was_never_started_is_started(collecting: Collecting) -> None:
    subscription_id = collecting.subscribed(collecting.plan())
    collecting.until(collecting.ends(subscription_id) - 5 * DAY - 2 * HOUR)

    collecting.act(store.begin, subscription_id, collecting.at)
    collecting.entries.clear()
    collecting.past(2 * HOUR)
    assert collecting.sweep() == 1
    collecting.until(collecting.ends(subscription_id))
    assert len(collecting.debits) == 1


def race(dsn: Callable[..., str], at: datetime, *works: Callable[[Connection], Any]) -> None:
    """All of them at the same moment, each in a transaction of its own."""
    barrier = Barrier(len(works))

    def run(work: Callable[[Connection], Any]) -> None:
        with connect(dsn("subscriptions")) as db, clock.frozen(at), db.transaction():
            barrier.wait()
            work(db)
            outbox.store(db)

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(run, works))


def test_a_renewal_driven_sixteen_times_at_once_is_ordered_and_debited_once(
    committing: Collecting, fresh_database: Callable[..., str]
) -> None:
    subscription_id = committing.subscribed(committing.plan())
    due = committing.ends(subscription_id)

    def begins(db: Connection) -> None:
        renewals.hold(db, subscription_id)
        store.begin(db, subscription_id, due)

    committing.until(due - 6 * DAY)
    race(fresh_database, committing.at, *[begins] * AT_ONCE)
    [(renewal_id,)] = committing.sql("SELECT renewal_id FROM subscriptions.renewals")
    committing.until(due - HOUR)

    def drives(db: Connection) -> None:
        renewals.hold(db, subscription_id)
        renewals.drive(db, renewal_id, due)

    committing.at = due
    race(fresh_database, due, *[drives] * AT_ONCE)
    assert committing.one("SELECT count(*) FROM payments.payment_orders WHERE kind = 'renewal'") == 1
    assert committing.one("SELECT count(*) FROM platform.outbox_events WHERE topic LIKE '%%debit_requested%%'") == 1
    committing.answers = ["insufficient"]
    committing.hear()
    [debit] = committing.debits
    with clock.frozen(due):
        paid = build.paid(debit.order_no, subscription_id, committing.customer, kind="renewal")
    said = [partial(renewal_answers.debit_failed, fact=committing.failure(debit, "declined")) for _ in range(AT_ONCE // 2)]
    race(fresh_database, due + DAY, *said, *[partial(orders.paid, fact=paid)] * (AT_ONCE // 2), *[drives] * AT_ONCE)
    assert committing.ends(subscription_id) == datetime(2026, 5, 10, 4, 0, tzinfo=UTC)
    assert committing.sql("SELECT kind, status FROM subscriptions.subscription_periods ORDER BY period_id") == [
        ("order", "granted"),
        ("renewal", "granted"),
    ]


def test_one_that_cannot_be_helped_does_not_keep_the_others_waiting(collecting: Collecting) -> None:
    first = missed(collecting)
    collecting.at -= 27 * DAY
    collecting.customer = collecting.reader()
    second = missed(collecting)
    collecting.sql(f"ALTER TABLE subscriptions.renewals ADD CONSTRAINT none_of_it CHECK (subscription_id <> {first})")
    collecting.at = max(collecting.ends(first), collecting.ends(second)) - 3 * DAY
    assert collecting.sweep() == 1
    assert collecting.sql("SELECT subscription_id FROM subscriptions.renewals") == [(second,)]
