"""A channel's day held against attempts, refunds and ledger: what agrees, what differs, and what stays so when done again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from functions.payments import reconcile_day
from functions.payments.gateways.base import BillRow
from functions.payments.service import reconciliation
from functions.payments.store import reconciliations as store
from shared import clock
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import connection as house_connection
from shared.sql.edge import unit_of_work
from tests.payments.build import PRICE, START
from tests.payments.reconciling import DAY, Books, refund_row

NEXT_MORNING = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def test_a_day_on_which_all_three_sides_agree_is_matched(books: Books) -> None:
    for _ in range(3):
        books.bill(books.booked())
    assert books.reconcile() == ("matched", 3, 0, 0, 0, 0)
    assert books.items() == []


def test_another_amount_in_the_bill_is_an_amount_difference(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no), amount=PRICE + 100)
    assert books.reconcile() == ("mismatched", 0, 1, 0, 0, 100)
    assert books.items() == [("amount_diff", "pay", order_no, PRICE, PRICE + 100, "open")]


def test_what_we_have_and_the_bill_has_not_is_missing_there(books: Books) -> None:
    order_no, _ = books.booked()
    books.bill(books.booked())
    assert books.reconcile() == ("mismatched", 1, 0, 0, 1, -PRICE)
    assert books.items() == [("missing_remote", "pay", order_no, PRICE, None, "open")]


def test_a_row_of_the_bill_that_nobody_knows_is_missing_here(books: Books) -> None:
    books.bill(books.booked())
    books.rows.append(BillRow("G-UNKNOWN", "P-UNKNOWN", None, "pay", Money(555), Money(3), START))
    assert books.reconcile() == ("mismatched", 1, 0, 1, 0, 555)
    assert books.items() == [("missing_local", "pay", None, None, 555, "open")]


def test_a_payment_we_did_not_hear_of_differs_in_its_state(books: Books) -> None:
    order_no, payment_no = books.till.started()
    books.till.buyer_pays(payment_no)
    books.bill((order_no, payment_no))
    assert books.reconcile() == ("mismatched", 0, 1, 0, 0, PRICE)
    assert books.items() == [("status_diff", "pay", order_no, PRICE, PRICE, "open")]


def test_a_payment_that_never_reached_the_ledger_differs_in_its_state(books: Books) -> None:
    order_no, payment_no = books.till.paid()
    books.bill((order_no, payment_no))
    books.reconcile()
    assert books.items() == [("status_diff", "pay", order_no, PRICE, PRICE, "open")]


def test_a_ledger_with_another_amount_is_an_amount_difference(books: Books) -> None:
    order_no, payment_no = books.till.paid()
    books.book(f"capture:{order_no}", "capture", order_no, PRICE - 1)
    books.bill((order_no, payment_no))
    books.reconcile()
    assert books.items() == [("amount_diff", "pay", order_no, PRICE - 1, PRICE, "open")]


def test_the_channels_number_finds_a_payment_before_ours_does(books: Books) -> None:
    _, payment_no = books.booked()
    gateway_no = books.till.gateway.trades[payment_no].gateway_no
    books.rows.append(BillRow(gateway_no, None, None, "pay", Money(PRICE), Money(12), START))
    assert books.reconcile() == ("matched", 1, 0, 0, 0, 0)


def test_a_payment_the_bill_lists_twice_is_more_money_than_we_know_of(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no))
    books.rows.append(BillRow("G-AGAIN", payment_no, None, "pay", Money(PRICE), Money(12), START))
    books.reconcile()
    assert books.items() == [("amount_diff", "pay", order_no, PRICE, 2 * PRICE, "open")]


def test_refunds_are_matched_by_our_number(books: Books) -> None:
    order_no, payment_no = books.booked()
    refund_id, refund_no = books.refunded(order_no, 500)
    books.bill((order_no, payment_no))
    books.rows.append(refund_row(payment_no, refund_no, 500))
    assert books.reconcile() == ("matched", 2, 0, 0, 0, 0)
    assert refund_id


def test_a_refund_the_bill_lacks_and_one_we_lack_are_told_apart(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.refunded(order_no, 500)
    books.bill((order_no, payment_no))
    books.rows.append(refund_row(payment_no, "R-OTHER", 300))
    assert books.reconcile() == ("mismatched", 1, 0, 1, 1, 200)
    assert [item[:3] for item in books.items()] == [
        ("missing_remote", "refund", order_no),
        ("missing_local", "refund", None),
    ]


def test_a_second_payment_of_an_order_is_no_capture_and_still_agrees(books: Books) -> None:
    order_no, first = books.till.started()
    second = books.till.start(order_no, scene="pc")
    for number in (first, second):
        books.till.hear(books.till.buyer_pays(number))
    books.book(f"capture:{order_no}", "capture", order_no, PRICE)
    books.bill((order_no, first))
    books.bill((order_no, second))
    assert books.reconcile() == ("matched", 2, 0, 0, 0, 0)


def test_a_day_without_a_bill_is_not_a_failure(books: Books) -> None:
    assert books.reconcile() == ("matched", 0, 0, 0, 0, 0)
    assert books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows") == [(0,)]


def test_what_stands_in_the_bill_of_the_day_before_is_not_missing_in_this_one(books: Books) -> None:
    books.till.at = datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no))
    books.sql("UPDATE payments.payment_transactions SET finished_at = finished_at + interval '2 seconds'")
    assert books.reconcile() == ("matched", 1, 0, 0, 0, 0)
    assert books.reconcile(DAY + timedelta(days=1)) == ("matched", 0, 0, 0, 0, 0)


def test_the_same_day_again_finds_the_same_and_what_is_resolved_stays_so(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no), amount=PRICE + 1)
    books.rows.append(BillRow("G1", "P1", None, "pay", Money(1), Money(0), START))
    first, items = books.reconcile(), books.items()
    books.resolve("P1", "ignore")
    second = books.reconcile()
    assert second == first
    assert books.items() == [items[0], (*items[1][:5], "resolved")]
    books.resolve(payment_no, "accept_local")
    assert books.reconcile()[0] == "resolved"


def test_a_correction_replaces_what_was_open(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no), amount=PRICE + 1)
    books.reconcile()
    books.rows.clear()
    books.bill((order_no, payment_no), amount=PRICE + 2)
    books.reconcile()
    assert [item[4] for item in books.items()] == [PRICE + 2]


def test_a_correction_changes_nothing_that_a_person_resolved(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no), amount=PRICE + 1)
    books.reconcile()
    books.resolve(payment_no, "ignore")
    decided = books.sql("SELECT * FROM payments.reconciliation_items")
    books.rows.clear()
    books.bill((order_no, payment_no), amount=PRICE + 2)
    books.reconcile()
    assert books.sql("SELECT * FROM payments.reconciliation_items") == decided


def test_a_bill_that_is_cut_off_changes_nothing(books: Books) -> None:
    books.bill(books.booked())
    books.reconcile()

    def cut() -> Any:
        yield from books.rows
        message = "cut off"
        raise ValueError(message)

    books.till.gateway.bills[DAY] = cut()
    before = books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows")
    turn = books.claim()
    with books.till.time(), pytest.raises(ValueError, match="cut off"):
        reconciliation.reconcile(turn, lambda _: None)
    assert books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows") == before


class TestSchedule:
    def test_yesterday_and_every_day_that_was_missed_are_reconciled_once(self, books: Books) -> None:
        books.booked()
        books.till.at = NEXT_MORNING + timedelta(days=3)
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] == 4
            assert reconcile_day.handler({}, None)["done"] == 0
        assert [day for (day,) in books.sql("SELECT date FROM payments.reconciliation_runs ORDER BY date")] == [
            date(2026, 3, 1),
            date(2026, 3, 2),
            date(2026, 3, 3),
            date(2026, 3, 4),
        ]

    def test_a_bill_that_is_not_ready_is_asked_for_again(self, books: Books) -> None:
        books.till.at = NEXT_MORNING
        books.till.gateway.down = True
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] == 0
        assert books.run()[0] == "running"
        books.till.gateway.down = False
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] == 1
        assert books.run()[0] == "matched"

    def test_a_bill_imported_before_its_day_was_over_does_not_count(self, books: Books) -> None:
        assert books.reconcile()[0] == "matched"
        books.bill(books.booked())
        books.till.gateway.bills[DAY] = books.rows
        books.till.at = NEXT_MORNING
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] >= 1
        assert books.run()[:2] == ("matched", 1)

    def test_a_run_somebody_has_is_left_to_them_until_their_time_is_over(self, books: Books) -> None:
        books.till.at = NEXT_MORNING
        books.claim()
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] == 0
        books.till.pass_time(minutes=16)
        with books.till.time():
            assert reconcile_day.handler({}, None)["done"] == 1


def test_the_number_of_statements_does_not_grow_with_the_bill(books: Books) -> None:
    sent = []
    for count in (10, 1_000):
        books.rows[:] = [BillRow(f"G{n}", f"P{n}", None, "pay", Money(100 + n), Money(1), START) for n in range(count)]
        before = house_connection.current().statements
        books.reconcile()
        sent.append(house_connection.current().statements - before)
    assert sent[0] == sent[1]
    assert books.run()[3] == 1_000


def test_a_bill_is_never_in_memory_as_a_whole(books: Books) -> None:
    alive = [0, 0]

    class Tracked(BillRow):
        __slots__ = ()

        def __del__(self) -> None:
            alive[0] -= 1

    def told() -> Any:
        for n in range(5_000):
            alive[0] += 1
            alive[1] = max(alive)
            yield Tracked(f"G{n}", f"P{n}", None, "pay", Money(100), Money(1), START)

    books.till.gateway.bills[DAY] = told()
    books.reconcile()
    assert books.run()[3] == 5_000
    assert alive[1] <= 3


def test_who_lost_their_turn_imports_nothing(books: Books) -> None:
    books.bill(books.booked())
    late = books.claim()
    books.till.pass_time(minutes=16)
    books.claim()
    with books.till.time(), pytest.raises(reconciliation.SupersededError):
        reconciliation.reconcile(late, lambda _: None)
    assert books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows") == [(0,)]


def test_a_day_that_somebody_has_is_not_given_away(books: Books) -> None:
    books.claim()
    with clock.frozen(books.till.at), unit_of_work() as db:
        until = books.till.at + timedelta(minutes=15)
        assert store.claim(db, "alipay", DAY, token=new_ulid(), until=until, at=books.till.at) is None
