"""A person resolves a difference: what the bill proves ends fulfilled, refunded or in a case, once, and two people decide much."""

from typing import Any

import pytest

from functions.payments import finish_refunds
from functions.payments.errors import RefundPending
from functions.payments.gateways.base import BillRow
from functions.payments.reconciliation_errors import AlreadyResolved, ReconciliationItemNotFound, SelfApprovalForbidden
from functions.payments.service import resolutions
from functions.payments.store.differences import Word
from shared.errors import ValidationFailed
from shared.money import Money
from shared.sql.edge import unit_of_work
from tests.payments.build import OPERATOR, PRICE, START
from tests.payments.reconciling import SECOND_OPERATOR, Books, refund_row


def unheard(books: Books, amount: int | None = None) -> tuple[str, str]:
    """A payment whose notice never came, found in the bill."""
    order_no, payment_no = books.till.started()
    books.till.buyer_pays(payment_no, None if amount is None else Money(amount))
    books.bill((order_no, payment_no))
    books.reconcile()
    return order_no, payment_no


def finish(books: Books) -> None:
    books.till.pass_time(minutes=1)
    with books.till.time():
        finish_refunds.handler({}, None)


def test_money_found_in_the_bill_fulfils_its_order(books: Books) -> None:
    order_no, payment_no = unheard(books)
    assert books.resolve(payment_no, "accept_remote") == "settled"
    assert books.till.order(order_no).status == "paid"
    assert len(books.till.facts("payments.order_paid.v1", order_no)) == 1
    assert books.run()[0] == "resolved"


def test_a_notice_after_the_resolution_settles_nothing_again(books: Books) -> None:
    order_no, payment_no = unheard(books)
    books.resolve(payment_no, "accept_remote")
    books.till.hear(books.till.gateway.notice(payment_no))
    assert len(books.till.facts("payments.order_paid.v1", order_no)) == 1


def test_a_notice_before_the_resolution_leaves_nothing_to_settle(books: Books) -> None:
    order_no, payment_no = unheard(books)
    books.till.hear(books.till.gateway.notice(payment_no))
    books.book(f"capture:{order_no}", "capture", order_no, PRICE)
    assert books.resolve(payment_no, "accept_remote") == "repeated"
    assert books.till.cases() == []


def test_money_found_in_the_bill_is_given_back_by_the_usual_way(books: Books) -> None:
    order_no, payment_no = unheard(books)
    assert books.resolve(payment_no, "refund") == "refund"
    assert books.till.refunds(order_no) == [("request", "processing", PRICE)]
    finish(books)
    assert books.till.refunds(order_no) == [("request", "succeeded", PRICE)]
    assert books.till.order(order_no).status == "refunded"
    assert books.till.gateway.trades[payment_no].kept == Money(0)
    assert len(books.till.facts("payments.refund_succeeded.v1", order_no)) == 1


def test_a_second_payment_found_in_the_bill_goes_back_once(books: Books) -> None:
    order_no, first = books.till.started()
    second = books.till.start(order_no, scene="pc")
    books.till.hear(books.till.buyer_pays(first))
    books.book(f"capture:{order_no}", "capture", order_no, PRICE)
    books.till.buyer_pays(second)
    books.bill((order_no, first))
    books.bill((order_no, second))
    books.reconcile()
    assert books.resolve(second, "refund") == "refund"
    finish(books)
    assert books.till.refunds(order_no) == [("surplus", "succeeded", PRICE)]
    assert books.till.order(order_no).status == "paid"
    assert books.till.gateway.trades[second].kept == Money(0)


def test_a_wrong_amount_goes_back_whole_and_its_case_ends(books: Books) -> None:
    order_no, payment_no = unheard(books, PRICE + 100)
    assert books.resolve(payment_no, "refund") == "refund"
    finish(books)
    assert books.till.refunds(order_no) == [("surplus", "succeeded", PRICE + 100)]
    assert books.till.cases(order_no) == [("amount_mismatch", "resolved")]
    assert books.till.gateway.trades[payment_no].kept == Money(0)
    assert books.till.order(order_no).status == "pending"


def test_what_was_paid_beyond_the_order_goes_back_and_the_order_stays_paid(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.till.gateway.trades[payment_no].received = Money(PRICE + 100)
    books.bill((order_no, payment_no))
    books.reconcile()
    assert books.resolve(payment_no, "refund") == "refund"
    finish(books)
    assert books.till.refunds(order_no) == [("surplus", "succeeded", 100)]
    assert books.till.order(order_no).status == "paid"
    assert books.till.gateway.trades[payment_no].kept == Money(PRICE)


def test_a_wrong_amount_that_is_accepted_is_a_case_with_an_owner(books: Books) -> None:
    order_no, payment_no = unheard(books, PRICE - 1)
    assert books.resolve(payment_no, "accept_remote") == "amount_mismatch"
    assert books.till.cases(order_no) == [("amount_mismatch", "open")]


def test_money_of_nobody_is_a_case_with_an_owner(books: Books) -> None:
    books.rows.append(BillRow("G1", "P1", None, "pay", Money(555), Money(3), START))
    books.reconcile()
    with pytest.raises(ValidationFailed):
        books.resolve("P1", "refund")
    assert books.resolve("P1", "accept_remote") == "order_not_found"
    assert books.sql("SELECT kind, reference, amount, owner, status FROM payments.payment_cases") == [
        ("unknown_payment", "P1", 555, "finance_manager", "open")
    ]


def test_a_refund_found_in_the_bill_finishes_ours(books: Books) -> None:
    order_no, payment_no = books.booked()
    refund_id = books.till.ask_refund(order_no, 500)
    books.till.gateway.down = True
    assert books.till.process_refund(refund_id) == "processing"
    ((refund_no,),) = books.sql("SELECT refund_no FROM payments.payment_refunds")
    books.bill((order_no, payment_no))
    books.rows.append(refund_row(payment_no, refund_no, 500))
    books.till.gateway.down = False
    books.reconcile()
    assert books.resolve(refund_no, "accept_remote") == "refunded"
    assert books.till.refunds(order_no) == [("request", "succeeded", 500)]
    assert len(books.till.facts("payments.refund_succeeded.v1", order_no)) == 1


@pytest.mark.parametrize(
    ("row", "case"),
    [("missing_local", "foreign_refund"), ("missing_remote", "refund_stuck")],
)
def test_a_refund_only_one_side_knows_is_a_case(books: Books, row: str, case: str) -> None:
    order_no, payment_no = books.booked()
    books.bill((order_no, payment_no))
    reference = "R-OTHER"
    if row == "missing_local":
        books.rows.append(refund_row(payment_no, reference, 300))
    else:
        reference = books.refunded(order_no, 500)[1]
    books.reconcile()
    assert books.resolve(reference, "accept_remote") == "case"
    assert [kind for kind, _ in books.till.cases()] == [case]


def test_a_payment_the_channel_never_had_is_a_case(books: Books) -> None:
    order_no, payment_no = books.booked()
    books.reconcile()
    assert books.resolve(payment_no, "accept_remote") == "case"
    assert books.till.cases(order_no) == [("amount_mismatch", "open")]


def test_a_capture_the_ledger_lacks_is_a_case(books: Books) -> None:
    order_no, payment_no = books.till.paid()
    books.bill((order_no, payment_no))
    books.reconcile()
    assert books.resolve(payment_no, "accept_remote") == "case"
    assert books.till.cases(order_no) == [("amount_mismatch", "open")]


@pytest.mark.parametrize("action", ["ignore", "accept_local"])
def test_what_stays_as_it_is_moves_no_money(books: Books, action: str) -> None:
    order_no, payment_no = unheard(books)
    assert books.resolve(payment_no, action) == "unchanged"
    assert books.till.order(order_no).status == "pending"
    assert books.run()[0] == "resolved"


def test_a_buyers_own_request_is_not_overtaken(books: Books) -> None:
    order_no, payment_no = unheard(books)
    books.till.hear(books.till.gateway.notice(payment_no))
    books.till.ask_refund(order_no)
    with pytest.raises(RefundPending):
        books.resolve(payment_no, "refund")
    assert books.items()[0][-1] == "open"


def test_nothing_is_resolved_twice(books: Books) -> None:
    _, payment_no = unheard(books)
    books.resolve(payment_no, "accept_remote")
    with pytest.raises(AlreadyResolved):
        books.resolve(payment_no, "ignore", by=SECOND_OPERATOR)


def test_an_item_of_another_run_is_not_found(books: Books) -> None:
    _, payment_no = unheard(books)
    run, item = books.item(payment_no)
    for numbers in ((run + 1, item), (run, item + 1)):
        with pytest.raises(ReconciliationItemNotFound), unit_of_work() as db:
            resolutions.resolve(db, *numbers, Word("ignore", OPERATOR, "x", START))


class TestTwoPeople:
    LARGE = 100_001

    def difference(self, books: Books) -> tuple[str, str]:
        order_no, payment_no = books.till.started(amount=self.LARGE)
        books.till.buyer_pays(payment_no)
        books.bill((order_no, payment_no))
        books.reconcile()
        return order_no, payment_no

    def test_a_large_amount_takes_a_second_person(self, books: Books) -> None:
        order_no, payment_no = self.difference(books)
        assert books.resolve(payment_no, "accept_remote") is None
        assert books.till.order(order_no).status == "pending"
        with pytest.raises(SelfApprovalForbidden):
            books.resolve(payment_no, "accept_remote")
        assert books.resolve(payment_no, "accept_remote", by=SECOND_OPERATOR) == "settled"
        assert books.sql("SELECT proposed_by, resolved_by, comment FROM payments.reconciliation_items") == [
            (OPERATOR, SECOND_OPERATOR, "looked into it\nlooked into it")
        ]

    def test_another_word_is_a_new_proposal(self, books: Books) -> None:
        order_no, payment_no = self.difference(books)
        assert books.resolve(payment_no, "accept_remote") is None
        assert books.resolve(payment_no, "refund", by=SECOND_OPERATOR) is None
        with pytest.raises(SelfApprovalForbidden):
            books.resolve(payment_no, "refund", by=SECOND_OPERATOR)
        assert books.resolve(payment_no, "refund") == "refund"
        assert books.till.refunds(order_no) == [("request", "processing", self.LARGE)]

    def test_another_amount_takes_two_people_again(self, books: Books) -> None:
        _, payment_no = self.difference(books)
        books.resolve(payment_no, "accept_remote")
        books.rows[0] = BillRow(books.rows[0].gateway_no, payment_no, None, "pay", Money(self.LARGE + 1), Money(0), START)
        books.reconcile()
        assert books.resolve(payment_no, "accept_remote", by=SECOND_OPERATOR) is None

    def test_the_largest_amount_one_person_decides_is_the_limit_itself(self, books: Books) -> None:
        books.rows.append(BillRow("G1", "P1", None, "pay", Money(100_000), Money(3), START))
        books.reconcile()
        assert books.resolve("P1", "ignore") == "unchanged"


def test_the_number_of_a_refund_is_always_the_same(books: Books) -> None:
    order_no, payment_no = unheard(books)
    books.resolve(payment_no, "refund")
    numbers: list[Any] = books.sql("SELECT refund_no FROM payments.payment_refunds WHERE order_no = %s", (order_no,))
    from functions.payments.store import differences

    with unit_of_work() as db:
        item = differences.find(db, *books.item(payment_no))
    assert item is not None
    assert numbers == [(item.refund_no,)]
