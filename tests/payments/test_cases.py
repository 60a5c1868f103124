"""Cases: what each word does, whose word it takes, that it moves money once, and what is left of it after a crash."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from functions.payments import finish_refunds
from functions.payments.cases import Case, Word
from functions.payments.errors import (
    AmountMismatch,
    OrderNotPayable,
    RefundNotPending,
    RefundPending,
)
from functions.payments.gateways.base import Bill, BillRow
from functions.payments.reconciliation_errors import AlreadyResolved, SelfApprovalForbidden
from functions.payments.service import cases
from functions.payments.store import cases as store
from shared.errors import ValidationFailed
from shared.ids import new_order_no
from shared.money import Money
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from tests.fixtures.api import Api
from tests.payments.build import BUYER, OPERATOR, PRICE, START, Crash, Till, dying_before_statement
from tests.payments.reconciling import SECOND_OPERATOR, Books, refund_row
from tests.payments.test_races import AtOnce

CASES = "/admin/payments/cases"


def word(till: Till, action: Any, by: int = OPERATOR, **more: Any) -> Word:
    return Word(action, by, "looked into it", till.at, **more)


def say(till: Till, action: Any, by: int = OPERATOR, *, reference: str | None = None, **more: Any) -> Case:
    """A person's word on the case about a payment, or on the only one; the case afterwards."""
    ((case_id,),) = till.sql(
        "SELECT case_id FROM payments.payment_cases WHERE %(of)s::text IS NULL OR reference = %(of)s", {"of": reference}
    )
    with till.time(), unit_of_work() as db:
        return cases.resolve(db, case_id, word(till, action, by, **more))[1]


def one_case(till: Till) -> Case:
    ((case_id,),) = till.sql("SELECT case_id FROM payments.payment_cases")
    with reading() as db:
        found = store.find(db, case_id)
    assert found is not None
    return found


def finish(till: Till, minutes: int = 1) -> None:
    till.pass_time(minutes=minutes)
    with till.time():
        finish_refunds.handler({}, None)


def balance(till: Till, uid: int = BUYER) -> int:
    ((held,),) = till.sql(
        "SELECT coalesce(sum(available), 0)::bigint FROM finance.pub_buyer_balances WHERE account = 'buyer:' || %s || ':balance'",
        (uid,),
    )
    return int(held)


def mismatched(till: Till, amount: int) -> tuple[str, str]:
    """A payment of another amount than was owed."""
    order_no, payment_no = till.started()
    with pytest.raises(AmountMismatch):
        till.hear(till.buyer_pays(payment_no, Money(amount)))
    return order_no, payment_no


def surplus(till: Till) -> tuple[str, str]:
    """A second payment of a paid order, waiting for a person."""
    order_no = till.open()
    first, second = till.start(order_no, "qr"), till.start(order_no, "pc")
    letters = till.buyer_pays(first), till.buyer_pays(second)
    for letter in letters:
        till.hear(letter)
    return order_no, second


def unknown(till: Till, amount: int = PRICE) -> str:
    """A payment the vendor vouches for and nobody knows."""
    number = new_order_no()
    till.gateway.create(Bill(number, number, Money(amount), "?", "qr", till.at))
    letter = till.buyer_pays(number)
    with pytest.raises(Exception, match="order_not_found"):
        till.hear(letter)
    return number


def late(till: Till) -> tuple[str, str]:
    order_no, payment_no = till.started()
    letter = till.buyer_pays(payment_no)
    till.sql("UPDATE payments.payment_orders SET status = 'expired' WHERE order_no = %s", (order_no,))
    till.hear(letter)
    return order_no, payment_no


class TestWords:
    def test_late_money_stays_or_goes_back(self, till: Till) -> None:
        order_no, payment_no = late(till)
        assert say(till, "fulfil").resolution == "fulfilled"
        assert till.order(order_no).status == "paid"
        till.begin_again()
        order_no, payment_no = late(till)
        assert say(till, "refund").status == "open", "until the money went"
        finish(till)
        assert (till.order(order_no).status, one_case(till).resolution) == ("refunded", "refunded")
        assert till.gateway.trades[payment_no].kept == Money(0)

    def test_what_is_enough_settles_its_order_and_the_rest_is_balance(self, till: Till) -> None:
        order_no, _ = mismatched(till, PRICE + 7)
        assert say(till, "fulfil").resolution == "fulfilled"
        assert till.order(order_no).status == "paid"
        assert len(till.facts("payments.order_paid.v1", order_no)) == 1
        assert balance(till) == 7

    def test_what_is_not_enough_goes_back_or_is_credited_and_settles_nothing(self, till: Till) -> None:
        order_no, payment_no = mismatched(till, PRICE - 1)
        with pytest.raises(AmountMismatch):
            say(till, "fulfil")
        assert say(till, "credit").resolution == "credited"
        assert (balance(till), till.order(order_no).status) == (PRICE - 1, "pending")
        till.begin_again()
        _, payment_no = mismatched(till, PRICE - 1)
        say(till, "refund")
        finish(till)
        assert one_case(till).resolution == "refunded"
        assert till.gateway.trades[payment_no].kept == Money(0)

    def test_a_surplus_is_credited_instead_of_the_refund_that_waited(self, till: Till) -> None:
        order_no, payment_no = surplus(till)
        assert till.refunds(order_no) == [("surplus", "pending", PRICE)]
        assert say(till, "credit").resolution == "credited"
        assert till.refunds(order_no) == [("surplus", "rejected", PRICE)]
        finish(till)
        assert (balance(till), till.gateway.trades[payment_no].kept) == (PRICE, Money(PRICE))

    def test_a_refund_the_channel_declines_leaves_its_case_open_and_goes_again_under_another_number(
        self, till: Till
    ) -> None:
        order_no, payment_no = surplus(till)
        till.gateway.refuses = True
        say(till, "refund")
        finish(till)
        assert till.refunds(order_no) == [("surplus", "failed", PRICE)]
        assert one_case(till).status == "open"
        till.gateway.refuses = False
        say(till, "refund")
        finish(till)
        assert till.refunds(order_no) == [("surplus", "failed", PRICE), ("surplus", "succeeded", PRICE)]
        assert one_case(till).resolution == "refunded"
        assert till.gateway.trades[payment_no].kept == Money(0)

    def test_what_is_on_its_way_back_is_not_credited_too(self, till: Till) -> None:
        surplus(till)
        till.gateway.down = True
        say(till, "refund")
        say(till, "write_off")
        for action in ("credit", "write_off"):
            with pytest.raises(RefundPending):
                say(till, action, SECOND_OPERATOR)
        assert balance(till) == 0

    def test_money_of_nobody_settles_the_order_that_is_named(self, till: Till) -> None:
        number, order_no = unknown(till), till.open()
        with pytest.raises(ValidationFailed):
            say(till, "fulfil")
        assert say(till, "fulfil", order_no=order_no).order_no == order_no
        assert (till.order(order_no).status, till.order(order_no).payment_no) == ("paid", number)
        assert [fact["payment_no"] for fact in till.facts("payments.order_paid.v1")] == [number]

    def test_money_of_nobody_settles_no_order_that_is_paid(self, till: Till) -> None:
        unknown(till)
        order_no, _ = till.paid()
        with pytest.raises(OrderNotPayable):
            say(till, "fulfil", order_no=order_no)
        assert say(till, "credit", order_no=order_no).resolution == "credited"
        assert balance(till) == PRICE

    def test_money_of_nobody_goes_back_once_under_the_number_of_its_case(self, till: Till) -> None:
        number = unknown(till)
        say(till, "refund")
        with pytest.raises(RefundPending):
            say(till, "refund")
        till.gateway.dies = "after refund"
        with pytest.raises(Crash):
            finish(till)
        till.gateway.down = True
        finish(till, 2)
        till.gateway.down = False
        finish(till, 5)
        finish(till, 5)
        case = one_case(till)
        assert case.resolution == "refunded"
        assert list(till.gateway.trades[number].repaid) == [case.refund_no()]
        with pytest.raises(Exception, match="order_not_found"):
            till.hear(till.gateway.notice(number, case.refund_no()))
        assert till.cases() == [("unknown_payment", "resolved")], "the notice of our own refund is no other case"

    def test_a_refund_made_without_us_is_booked_as_one_of_ours(self, till: Till) -> None:
        order_no, payment_no = till.paid()
        till.hear(till.gateway.notice(payment_no, "MADE-IN-THE-CONSOLE"))
        calls = till.gateway.calls.count("refund")
        assert say(till, "refund").resolution == "refunded"
        assert till.order(order_no).status == "refunded"
        assert [fact["amount"] for fact in till.facts("payments.refund_succeeded.v1", order_no)] == [PRICE]
        assert till.sql("SELECT refund_no FROM payments.payment_refunds") == [("MADE-IN-THE-CONSOLE",)]
        finish(till)
        assert till.gateway.calls.count("refund") == calls, "it went back already"

    def test_a_stuck_refund_is_asked_for_again_and_one_that_ended_is_not(self, till: Till) -> None:
        order_no, _ = till.paid()
        refund_id = till.ask_refund(order_no)
        till.gateway.down = True
        for _ in range(11):
            till.process_refund(refund_id) if till.refunds(order_no)[0][1] == "pending" else finish(till, 61)
        assert till.cases() == [("refund_stuck", "open")]
        till.gateway.down = False
        assert say(till, "refund").status == "open"
        finish(till, 0)
        assert one_case(till).resolution == "refunded"

    def test_a_refund_the_channel_never_made_is_adjusted(self, books: Books) -> None:
        order_no, payment_no = books.booked()
        books.bill((order_no, payment_no))
        _, refund_no = books.refunded(order_no, 500)
        books.reconcile()
        assert books.resolve(refund_no, "accept_remote") == "case"
        with pytest.raises(RefundNotPending):
            say(books.till, "refund", reference=refund_no)
        say(books.till, "adjust", reference=refund_no, amount=500)
        assert say(books.till, "adjust", SECOND_OPERATOR, reference=refund_no, amount=500).resolution == "adjusted"
        assert books.sql(
            """
            SELECT a.name, p.amount FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
            JOIN finance.ledger_accounts a USING (account_id) WHERE e.kind = 'correction' ORDER BY a.name
            """
        ) == [("channel:alipay", -500), ("platform:corrections", 500)]

    @pytest.mark.parametrize(
        ("action", "more", "field"),
        [
            ("credit", {}, "body.action"),
            ("adjust", {}, "body.amount"),
            ("adjust", {"amount": 0}, "body.amount"),
            ("refund", {"amount": 5}, "body.amount"),
            ("refund", {"order_no": "X"}, "body.order_no"),
        ],
    )
    def test_what_such_a_case_cannot_become_is_refused_by_name(
        self, till: Till, action: str, more: dict[str, Any], field: str
    ) -> None:
        order_no, _ = late(till)
        more = {name: order_no if name == "order_no" else value for name, value in more.items()}
        with pytest.raises(ValidationFailed) as refused:
            say(till, action, **more)
        (problem,) = cast("list[dict[str, str]]", refused.value.details)
        assert problem["field"] == field


class TestTwoPeople:
    @pytest.mark.parametrize(("action", "more"), [("adjust", {"amount": -PRICE}), ("write_off", {})])
    def test_the_books_give_way_by_two_peoples_word(self, till: Till, action: str, more: dict[str, Any]) -> None:
        late(till)
        assert say(till, action, **more).proposed_by == OPERATOR
        with pytest.raises(SelfApprovalForbidden):
            say(till, action, **more)
        after = say(till, action, SECOND_OPERATOR, **more)
        assert (after.status, after.proposed_by, after.resolved_by) == ("resolved", OPERATOR, SECOND_OPERATOR)

    def test_another_amount_is_a_new_proposal(self, till: Till) -> None:
        late(till)
        say(till, "adjust", amount=1)
        assert say(till, "adjust", SECOND_OPERATOR, amount=2).status == "open"
        with pytest.raises(SelfApprovalForbidden):
            say(till, "adjust", SECOND_OPERATOR, amount=2)
        assert say(till, "adjust", amount=2).status == "resolved"

    def test_one_who_proposed_may_still_give_the_money_back_alone(self, till: Till) -> None:
        late(till)
        say(till, "write_off")
        assert say(till, "fulfil").resolution == "fulfilled"

    def test_much_money_is_credited_by_two(self, till: Till) -> None:
        unknown(till, 100_001)
        order_no = till.open()
        assert say(till, "credit", order_no=order_no).status == "open"
        with pytest.raises(SelfApprovalForbidden):
            say(till, "credit", order_no=order_no)
        assert say(till, "credit", SECOND_OPERATOR, order_no=order_no).resolution == "credited"


class TestReconciliation:
    def test_a_wrong_amount_found_in_the_bill_is_credited(self, books: Books) -> None:
        order_no, payment_no = books.till.started()
        books.till.buyer_pays(payment_no, Money(PRICE - 1))
        books.bill((order_no, payment_no))
        books.reconcile()
        assert books.resolve(payment_no, "credit") == "credit"
        assert (balance(books.till), books.till.cases(order_no)) == (PRICE - 1, [("amount_mismatch", "resolved")])

    def test_a_surplus_found_in_the_bill_is_credited(self, books: Books) -> None:
        order_no = books.till.open()
        first, second = books.till.start(order_no, "qr"), books.till.start(order_no, "pc")
        books.till.hear(books.till.buyer_pays(first))
        books.book(f"capture:{order_no}", "capture", order_no, PRICE)
        books.till.buyer_pays(second)
        for number in (first, second):
            books.bill((order_no, number))
        books.reconcile()
        assert books.resolve(second, "credit") == "credit"
        assert balance(books.till) == PRICE
        assert books.till.refunds(order_no) == [("surplus", "rejected", PRICE)]

    def test_money_that_pays_for_its_order_is_not_credited(self, books: Books) -> None:
        order_no, payment_no = books.till.started()
        books.till.buyer_pays(payment_no)
        books.bill((order_no, payment_no))
        books.reconcile()
        with pytest.raises(ValidationFailed):
            books.resolve(payment_no, "credit")
        assert (balance(books.till), books.till.order(order_no).status) == (0, "pending")

    def test_what_a_case_credited_does_not_go_back_by_a_difference(self, books: Books) -> None:
        order_no, payment_no = mismatched(books.till, PRICE - 1)
        say(books.till, "credit")
        books.bill((order_no, payment_no))
        books.reconcile()
        for action in ("refund", "credit"):
            with pytest.raises(AlreadyResolved):
                books.resolve(payment_no, action)
        assert balance(books.till) == PRICE - 1

    def test_a_refund_only_the_bill_knows_is_booked(self, books: Books) -> None:
        order_no, payment_no = books.booked()
        books.bill((order_no, payment_no))
        row = refund_row(payment_no, "R-OTHER", 300)
        trade = books.till.gateway.trades[payment_no]
        books.rows.append(BillRow(trade.gateway_no, payment_no, row.refund_no, "refund", row.amount, row.fee, START))
        books.reconcile()
        books.resolve("R-OTHER", "accept_remote")
        assert one_case(books.till).amount == 300
        assert say(books.till, "refund").resolution == "refunded"
        assert books.till.order(order_no).refunded_amount == 300
        ((refund_id,),) = books.sql("SELECT refund_id FROM payments.payment_refunds")
        books.book(f"refund:{refund_id}", "refund", order_no, 300)
        books.reconcile()
        assert [item[-1] for item in books.items()] == ["resolved"], "by the number it was made with, the bill agrees now"


@pytest.mark.parametrize("kind", ["surplus", "mismatch", "unknown"])
def test_of_sixteen_words_at_once_one_moves_the_money(till: Till, at_once: AtOnce, kind: str) -> None:
    named: dict[str, Any] = {}
    if kind == "surplus":
        order_no, payment_no = surplus(till)
    elif kind == "mismatch":
        order_no, payment_no = mismatched(till, PRICE + 1)
    else:
        order_no, payment_no = till.open(), unknown(till)
        named = {"order_no": order_no}
    case_id = one_case(till).case_id
    actions = ["refund", "credit"] if kind == "surplus" else ["refund", "credit", "fulfil", "credit"]

    def speak(action: str) -> Callable[[Connection], Any]:
        said = word(till, action, **(named if action != "refund" else {}))
        return lambda db: cases.resolve(db, case_id, said)[1].status

    at_once(*[speak(action) for action in actions * (16 // len(actions))])
    finish(till)
    finish(till)
    trade = till.gateway.trades[payment_no]
    fulfilled = till.order(order_no).amount if till.order(order_no).payment_no == payment_no else 0
    assert fulfilled + balance(till) + (trade.received - trade.kept).minor == trade.received.minor
    assert one_case(till).status == "resolved"


@pytest.mark.parametrize("action", ["refund", "credit", "fulfil"])
def test_a_word_killed_before_any_statement_moves_all_or_nothing(till: Till, action: str) -> None:
    for number in range(1, 60):
        till.begin_again()
        _, payment_no = mismatched(till, PRICE + 5)
        before, dead = balance(till), False
        with dying_before_statement(number):
            try:
                say(till, action)
            except Crash:
                dead = True
        if dead and one_case(till).status == "open":
            assert balance(till) == before, number
            say(till, action)
        finish(till)
        trade = till.gateway.trades[payment_no]
        credited = {"refund": 0, "credit": PRICE + 5, "fulfil": 5}[action]
        assert balance(till) - before == credited
        assert trade.kept == Money(0 if action == "refund" else PRICE + 5)
        assert one_case(till).status == "resolved"
        if not dead:
            assert number > 5
            return
    pytest.fail("a word never ends")


class TestDesk:
    @pytest.fixture
    def staff(self, sign_in: Callable[..., str]) -> str:
        return sign_in(OPERATOR, permissions=("payment:read", "payment:write"))

    @pytest.fixture
    def colleague(self, sign_in: Callable[..., str]) -> str:
        return sign_in(SECOND_OPERATOR, permissions=("payment:read", "payment:write"))

    def test_a_case_is_found_taken_talked_about_and_ended_by_two_and_the_log_knows(
        self, till: Till, counter: Api, staff: str, colleague: str
    ) -> None:
        order_no, _ = late(till)
        late(till)
        path = f"{CASES}/{counter.get(CASES, query={'order_no': order_no}, token=staff).data['items'][0]['case_id']}"
        first = counter.get(CASES, query={"status": "open", "kind": "late", "page_size": 1}, token=staff).data
        second = counter.get(CASES, query={"page_size": 1, "cursor": first["next_cursor"]}, token=staff).data
        assert [page["items"][0]["order_no"] == order_no for page in (first, second)] == [False, True]
        assert (first["total"], second["next_cursor"]) == (2, None)
        hire(till, SECOND_OPERATOR)
        assert counter.post(f"{path}/assign", {"operator_id": BUYER}, token=staff).status == 422
        assert (
            counter.post(f"{path}/assign", {"operator_id": SECOND_OPERATOR}, token=staff).data["assigned_to"]
            == SECOND_OPERATOR
        )
        mine = counter.get(CASES, query={"assigned_to": SECOND_OPERATOR}, token=colleague).data["items"]
        assert [item["order_no"] for item in mine] == [order_no]
        counter.post(f"{path}/comment", {"comment": "the bank says no"}, token=colleague)
        wanted = {"action": "write_off", "comment": "not worth it"}
        assert counter.post(f"{path}/resolve", wanted, token=staff).data["proposed_by"] == OPERATOR
        assert counter.post(f"{path}/resolve", wanted, token=staff).error == (403, "self_approval_forbidden")
        ended = counter.post(f"{path}/resolve", wanted, token=colleague).data
        assert (ended["status"], ended["resolution"], ended["resolved_by"]) == ("resolved", "written_off", SECOND_OPERATOR)
        assert counter.post(f"{path}/resolve", wanted, token=colleague).error == (409, "already_resolved")
        seen = counter.get(path, token=staff).data
        assert [said["text"] for said in seen["comments"]] == ["the bank says no", "not worth it", "not worth it"]
        assert seen["actions"] == []
        log = till.sql("SELECT operation FROM admin.admin_operation_logs WHERE result = 'success' ORDER BY id")
        assert [operation for (operation,) in log] == [
            "payment.case.assign",
            "payment.case.comment",
            "payment.case.propose",
            "payment.case.resolve",
        ]

    def test_what_does_not_exist_is_not_found(self, counter: Api, staff: str) -> None:
        body = {"assign": {}, "comment": {"comment": "x"}, "resolve": {"action": "refund", "comment": "x"}}
        for verb, sent in body.items():
            assert counter.post(f"{CASES}/1/{verb}", sent, token=staff).error == (404, "payment_case_not_found")
        assert counter.get(f"{CASES}/1", token=staff).error == (404, "payment_case_not_found")

    def test_who_may_only_read_changes_nothing(self, till: Till, counter: Api, sign_in: Callable[..., str]) -> None:
        late(till)
        reader, path = sign_in(OPERATOR, permissions=("payment:read",)), f"{CASES}/{one_case(till).case_id}"
        assert counter.get(path, token=reader).data["actions"] == ["fulfil", "refund", "adjust", "write_off"]
        sent = {"action": "refund", "comment": "x"}
        assert counter.post(f"{path}/resolve", sent, token=reader).status == 403
        assert one_case(till).status == "open"


def hire(till: Till, uid: int) -> None:
    """Make somebody an operator of money."""
    from tests.fixtures.people import make_user

    make_user(till.sql, uid, f"operator{uid}")
    till.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, 'finance_manager')", (uid,))
