"""A buyer's balance: credited by what came in too much, spent on own orders, never below zero, nothing booked twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from events.payments import OrderPaid, RefundSucceeded
from functions.finance.service import sales
from functions.finance.verify import verify
from functions.payments.errors import BalanceInsufficient, OrderNotPending
from functions.payments.service import balance
from shared.sql.connection import connect
from shared.sql.edge import unit_of_work
from tests.fixtures.api import Api
from tests.payments.build import BUYER, PRICE, Crash, Till, committed, dying_before_statement
from tests.payments.test_races import AtOnce

CROWD = 16
PATH = "/payments/balance"


def grant(till: Till, amount: int, uid: int = BUYER, reference: str = "g") -> None:
    """Money that came in too much for an order long ago."""
    till.sql("SELECT finance.credit_balance('surplus', %s, 'O', %s, 'alipay', %s, %s)", (reference, uid, amount, till.at))


def holds(till: Till, account: str = f"buyer:{BUYER}:balance") -> int:
    ((total,),) = till.sql(
        """
        SELECT coalesce(sum(p.amount), 0) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        WHERE a.name = %s
        """,
        (account,),
    )
    return int(total)


def pay(till: Till, order_no: str, uid: int = BUYER) -> None:
    with till.time(), unit_of_work() as db:
        balance.pay(db, uid, order_no)


def book(till: Till) -> None:
    """Finance hears what payments told, and its books are proved."""
    with connect(till.dsn("finance")) as db, till.time():
        for paid in map(OrderPaid.model_validate, till.facts("payments.order_paid.v1")):
            committed(db, partial(sales.book_sale, fact=paid))
        for repaid in map(RefundSucceeded.model_validate, till.facts("payments.refund_succeeded.v1")):
            committed(db, partial(sales.hear_refund, fact=repaid))
    with connect(till.dsn()) as owner:
        assert [(check.name, check.examples) for check in verify(owner) if check.off] == []


def test_an_order_is_paid_without_a_fee_and_booked_once(till: Till) -> None:
    grant(till, 10_000)
    order_no = till.open(amount=10_000)
    pay(till, order_no)
    assert (till.order(order_no).status, till.order(order_no).channel) == ("paid", "balance")
    [told] = till.facts("payments.order_paid.v1")
    assert (told["channel"], told["amount"]) == ("balance", 10_000)
    assert (holds(till), holds(till, "channel:balance")) == (0, 10_000)
    book(till)
    assert holds(till, "channel:balance") == 0, "nothing is on the way any more"
    assert holds(till, "platform:fees") == 0
    assert holds(till, "channel:alipay") == -10_000


def test_a_refund_goes_back_to_the_balance_once(till: Till) -> None:
    grant(till, PRICE)
    order_no = till.open()
    pay(till, order_no)
    assert till.process_refund(till.ask_refund(order_no, 500)) == "succeeded"
    assert holds(till) == 500
    assert till.process_refund(till.ask_refund(order_no)) == "succeeded"
    till.settle_down()
    assert (holds(till), till.order(order_no).status) == (PRICE, "refunded")
    assert till.gateway.calls == [], "no vendor had a part in it"
    book(till)
    assert holds(till, "channel:balance") == 0


def test_a_surplus_is_credited_where_the_flag_says_so(till: Till) -> None:
    till.sql(
        """
        INSERT INTO admin.system_settings (key, value, updated_at)
        VALUES ('features.credit_surplus', '{"enabled": true, "percent": 100}', now())
        """
    )
    order_no = till.open()
    first, second = till.start(order_no, "qr"), till.start(order_no, "pc")
    for number in (first, second):
        with till.time():
            till.gateway.pay(number)
    for number in (first, second, second):
        till.hear(till.gateway.notice(number))
    assert (holds(till), till.refunds(order_no), till.cases()) == (PRICE, [], [("surplus", "resolved")])
    book(till)


def test_sixteen_payments_at_once_spend_what_the_balance_covers_and_no_more(till: Till, at_once: AtOnce) -> None:
    till.sql("UPDATE payments.payment_risk_rules SET enabled = false")
    grant(till, 5 * PRICE + PRICE - 1)
    orders = [till.open() for _ in range(CROWD)]
    said = at_once(*[lambda db, order_no=order_no: balance.pay(db, BUYER, order_no) for order_no in orders])
    assert said.count(BalanceInsufficient) == CROWD - 5
    assert [till.order(order_no).status for order_no in orders].count("paid") == 5
    assert holds(till) == PRICE - 1
    assert len(till.facts("payments.order_paid.v1")) == 5
    book(till)


def test_sixteen_payments_of_one_order_at_once_take_the_money_once(till: Till, at_once: AtOnce) -> None:
    grant(till, 10 * PRICE)
    order_no = till.open()
    said = at_once(*[lambda db: balance.pay(db, BUYER, order_no)] * CROWD)
    assert said.count(OrderNotPending) == CROWD - 1
    assert (holds(till), len(till.facts("payments.order_paid.v1"))) == (9 * PRICE, 1)


def test_what_was_started_at_a_vendor_is_closed_there(till: Till) -> None:
    grant(till, PRICE)
    order_no, payment_no = till.started()
    pay(till, order_no)
    till.pass_time(seconds=1)
    till.run_workers()
    assert till.gateway.trades[payment_no].state == "closed"


@pytest.mark.parametrize("verb", ["pay", "refund"])
def test_killed_before_any_statement_it_ends_like_undisturbed(till: Till, verb: str) -> None:
    ends = []
    for moment in range(1, 40):
        uid = BUYER + 1000 + moment
        grant(till, PRICE, uid, f"g{moment}")
        order_no = till.open(uid=uid)
        died = False

        def give_back() -> None:
            till.process_refund(till.ask_refund(order_no, uid=uid))  # noqa: B023 - called at once

        if verb == "refund":
            pay(till, order_no, uid)
        try:
            with dying_before_statement(moment):
                pay(till, order_no, uid) if verb == "pay" else give_back()
        except Crash:
            died = True
        if verb == "pay" and till.order(order_no).status == "pending":
            assert holds(till, f"buyer:{uid}:balance") == PRICE, "all or nothing"
            pay(till, order_no, uid)
        if verb == "refund":
            for (refund_id,) in till.sql(
                "SELECT refund_id FROM payments.payment_refunds WHERE order_no = %s AND status = 'pending'", (order_no,)
            ):
                till.process_refund(refund_id)
            if till.order(order_no).status == "paid":
                give_back()
            till.pass_time(minutes=3)
            till.run_workers()
        ends.append((till.order(order_no).status, holds(till, f"buyer:{uid}:balance")))
        if not died:
            break
    assert len(ends) > 5
    assert set(ends) == {("paid", 0) if verb == "pay" else ("refunded", PRICE)}
    book(till)


class TestRoutes:
    @pytest.fixture
    def token(self, sign_in: Callable[..., str]) -> str:
        return sign_in(BUYER)

    def test_who_never_had_one_has_nothing(self, counter: Api, token: str) -> None:
        said = counter.get(PATH, token=token).data
        assert (said["available"], said["currency"], said["movements"], said["total"]) == (0, "CNY", [], 0)

    def test_it_says_what_it_holds_and_why_and_pages_by_cursor(self, counter: Api, till: Till, token: str) -> None:
        grant(till, 3 * PRICE)
        grant(till, 1, uid=BUYER + 1, reference="other")
        order_no = till.open()
        assert counter.post(f"{PATH}/pay", {"order_no": order_no}, token=token).data["status"] == "paid"
        first = counter.get(PATH, query={"page_size": 1}, token=token).data
        assert first["available"] == 2 * PRICE
        [spent] = first["movements"]
        assert (spent["amount"], spent["kind"], spent["order_no"]) == (-PRICE, "payment", order_no)
        [came] = counter.get(PATH, query={"page_size": 1, "cursor": first["next_cursor"]}, token=token).data["movements"]
        assert (came["amount"], came["kind"]) == (3 * PRICE, "surplus")

    def test_the_same_key_pays_once(self, counter: Api, till: Till, token: str) -> None:
        grant(till, 3 * PRICE)
        order_no, key = till.open(), {"Idempotency-Key": "k"}
        said = [counter.post(f"{PATH}/pay", {"order_no": order_no}, token=token, headers=key).data for _ in range(2)]
        assert said[0] == said[1]
        assert holds(till) == 2 * PRICE

    def test_it_refuses_what_it_does_not_cover_what_is_over_and_what_is_anothers(
        self, counter: Api, till: Till, token: str, sign_in: Callable[..., str]
    ) -> None:
        def refusal(order_no: str, by: str = token) -> Any:
            return counter.post(f"{PATH}/pay", {"order_no": order_no}, token=by).error

        grant(till, PRICE - 1)
        order_no = till.open()
        assert refusal(order_no) == (409, "balance_insufficient")
        assert till.order(order_no).status == "pending"
        assert refusal(order_no, sign_in(7)) == (404, "order_not_found")
        assert refusal("none") == (404, "order_not_found")
        till.cancel(order_no)
        assert refusal(order_no) == (409, "order_not_pending")

    def test_an_order_paid_so_is_true_without_asking_anybody(self, counter: Api, till: Till, token: str) -> None:
        grant(till, PRICE)
        order_no = till.open()
        pay(till, order_no)
        said = counter.post(f"/payments/verify/{order_no}", token=token).data
        assert (said["order"]["status"], said["gateway_status"], said["changed"]) == ("paid", "paid", False)
