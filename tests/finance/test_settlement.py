"""Earnings past their hold become available: once, alone, and to the fen."""

from datetime import date

from functions.finance import settle_earnings
from functions.finance.service import settlement
from functions.finance.service.settlement import Period
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR

OTHER = 100_003


def rows(desk: Desk) -> list[tuple[object, ...]]:
    return desk.sql(
        """
        SELECT creator_id, period_start, period_end, gross, refund, channel_fee, platform_amount, creator_amount, batches
        FROM finance.settlements ORDER BY creator_id, period_start
        """
    )


def test_nothing_is_settled_before_its_hold_ends(counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    counter.pass_time(days=6, hours=23, minutes=59)
    assert counter.settle() == 0
    assert rows(counter) == []
    counter.pass_time(minutes=1)
    assert counter.settle() == 1
    assert counter.balances(CREATOR) == {"pending": 0, "available": 7_952, "frozen": 0, "withdrawn": 0}
    assert rows(counter) == [(CREATOR, date(2026, 3, 1), date(2026, 3, 1), 10_000, 0, 60, 1_988, 7_952, 1)]
    counter.books_hold()


def test_a_second_run_finds_nothing_to_do(counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    assert [counter.settle(), counter.settle()] == [1, 0]
    assert len(counter.sql("SELECT 1 FROM finance.ledger_entries WHERE kind = 'settlement'")) == 1


def test_what_becomes_due_later_on_the_same_day_joins_its_settlement(counter: Desk) -> None:
    for _ in range(3):
        counter.sell(CREATOR, 1_000)
        counter.pass_time(hours=1)
    counter.pass_time(days=6, hours=21)
    for _ in range(3):
        assert counter.settle() == 1
        counter.books_hold()
        counter.pass_time(hours=1)
    assert rows(counter) == [(CREATOR, date(2026, 3, 1), date(2026, 3, 1), 3_000, 0, 18, 597, 2_385, 3)]
    facts = counter.sql("SELECT payload->>'amount' FROM platform.outbox_events WHERE topic = 'finance.earnings_settled.v1'")
    assert facts == [("795",)] * 3


def test_days_are_those_of_shanghai(counter: Desk) -> None:
    counter.at = counter.at.replace(hour=15, minute=59)
    counter.sell(CREATOR, 1_000)
    counter.pass_time(minutes=2)
    counter.sell(CREATOR, 1_000)
    counter.pass_time(days=7)
    counter.settle()
    assert [row[1:3] for row in rows(counter)] == [(date(2026, 3, 1), date(2026, 3, 2))]


def test_what_was_refunded_before_is_settled_net(counter: Desk) -> None:
    partly, wholly = counter.sell(CREATOR, 10_000), counter.sell(CREATOR, 5_000)
    counter.refund(partly, 2_500)
    counter.refund(wholly, 5_000)
    counter.pass_time(days=7)
    counter.settle()
    assert rows(counter) == [(CREATOR, date(2026, 3, 1), date(2026, 3, 1), 10_000, 2_500, 45, 1_491, 5_964, 1)]
    assert counter.balances(CREATOR) == {"pending": 0, "available": 5_964, "frozen": 0, "withdrawn": 0}
    counter.books_hold()


def test_a_debt_is_collected_from_what_is_available(counter: Desk) -> None:
    first, _ = counter.sell(CREATOR, 10_000), counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    counter.settle()
    counter.refund(first, 10_000)
    assert counter.balances(CREATOR)["pending"] == -7_952
    counter.pass_time(days=1)
    assert counter.settle() == 1
    assert counter.balances(CREATOR) == {"pending": 0, "available": 7_952, "frozen": 0, "withdrawn": 0}
    assert rows(counter)[-1][3:8] == (0, 10_000, -60, -1_988, -7_952)
    counter.books_hold()


def test_a_debt_larger_than_the_money_there_is_waits_for_more(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 100_000)
    counter.pass_time(days=7)
    counter.settle()
    counter.ask(CREATOR, 70_000)
    counter.refund(order_no, 100_000)
    counter.settle()
    assert counter.balances(CREATOR) == {"pending": -79_520, "available": 9_520, "frozen": 70_000, "withdrawn": 0}
    counter.books_hold()
    counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    counter.settle()
    assert counter.balances(CREATOR) == {"pending": -79_520, "available": 17_472, "frozen": 70_000, "withdrawn": 0}
    counter.sell(CREATOR, 100_000)
    counter.pass_time(days=7)
    assert counter.settle() == 1
    assert counter.balances(CREATOR) == {"pending": 0, "available": 17_472, "frozen": 70_000, "withdrawn": 0}
    counter.books_hold()


def test_one_creators_failure_leaves_the_others_alone(counter: Desk) -> None:
    add_creator(counter.sql, OTHER)
    counter.sell(CREATOR, 10_000)
    counter.sell(OTHER, 10_000)
    counter.pass_time(days=7)
    counter.sql(
        """
        ALTER TABLE finance.settlements ADD CONSTRAINT broken CHECK (creator_id <> 100002);
        """
    )
    assert counter.settle() == 1
    assert [row[0] for row in rows(counter)] == [OTHER]
    counter.books_hold()
    counter.sql("ALTER TABLE finance.settlements DROP CONSTRAINT broken")
    assert counter.settle() == 1
    assert counter.balances(CREATOR)["available"] == 7_952
    counter.books_hold()


def test_a_period_settles_what_was_paid_in_it_and_nothing_else(counter: Desk) -> None:
    counter.sell(CREATOR, 1_000)
    counter.pass_time(days=2)
    counter.sell(CREATOR, 2_000)
    counter.pass_time(days=10)
    told: list[int] = []
    with counter.time():
        failed = settlement.settle_period(Period(date(2026, 2, 1), date(2026, 3, 1), (CREATOR, OTHER)), told.append)
    assert (failed, told) == ([], [100])
    assert rows(counter) == [(CREATOR, date(2026, 2, 1), date(2026, 3, 1), 1_000, 0, 6, 199, 795, 1)]
    counter.books_hold()


def test_the_schedule_runs_it(counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    with counter.time():
        assert settle_earnings.handler({}, None) == {"done": 1, "skipped": False}
