"""Eight at once, on a database that commits: exactly one winner, and the books hold."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from functions.finance import workflow
from functions.finance.service import decisions, holds, payouts, requests, sales, settlement
from functions.finance.service.decisions import Decision
from functions.finance.store import transfers, withdrawals
from functions.finance.withdrawal import Action, next_step
from shared import clock
from shared.batch import first_time
from shared.http.envelope import Out
from shared.http.idempotency import Once, Replay
from shared.ids import new_ulid
from shared.sql.connection import Connection, connect, current
from tests.finance.build import OPERATOR, TARGET, Desk
from tests.finance.conftest import CREATOR, THREADS, Together

FREE = 795_200


class Kept(Out):
    """An answer to keep with a key."""

    withdrawal_id: int


def test_a_sale_told_eight_times_is_booked_once(desk: Desk, together: Together) -> None:
    fact = desk.paid_order(CREATOR, 10_000)
    together(lambda db, _: sales.book_sale(db, fact.model_copy(update={"event_id": new_ulid()})))
    assert desk.balances(CREATOR)["pending"] == 7_952
    desk.books_hold()


def test_one_delivery_of_a_fact_counts(desk: Desk, together: Together) -> None:
    event_id = new_ulid()
    assert Counter(together(lambda db, _: first_time(db, "finance.test", event_id)))[True] == 1


def test_a_sale_and_its_refunds_at_once_end_as_in_order(desk: Desk, together: Together) -> None:
    sale = desk.paid_order(CREATOR, 10_000)
    refunds = [desk.refund_of(sale.order_no, 1_000) for _ in range(THREADS - 1)]

    def hear(db: Connection, index: int) -> None:
        if index == THREADS - 1:
            sales.book_sale(db, sale)
        else:
            sales.hear_refund(db, refunds[index])

    assert together(hear) == [None] * THREADS
    assert desk.sql("SELECT reversed_gross, status FROM finance.creator_earnings") == [(7_000, "pending")]
    assert desk.sql("SELECT count(*) FROM finance.earning_reversals WHERE earning_id IS NULL") == [(0,)]
    desk.books_hold()


def test_a_sale_waits_for_a_refund_that_is_being_heard(desk: Desk, fresh_database: Callable[..., str]) -> None:
    """Else neither sees the other, and the refund would wait for a sale that is booked."""
    sale = desk.paid_order(CREATOR, 10_000)
    with clock.frozen(desk.at), connect(fresh_database("finance")) as first, connect(fresh_database("finance")) as second:
        second.execute("SET lock_timeout = '100ms'")
        with first.transaction():
            sales.hear_refund(first, desk.refund_of(sale.order_no, 10_000))
            with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
                sales.book_sale(second, sale)
        with second.transaction():
            sales.book_sale(second, sale)
    assert desk.sql("SELECT status FROM finance.creator_earnings") == [("reversed",)]
    desk.books_hold()


def test_refunds_at_once_never_exceed_the_sale(desk: Desk, together: Together) -> None:
    order_no = desk.sell(CREATOR, 10_000)
    refunds = [desk.refund_of(order_no, 3_000) for _ in range(THREADS)]

    def hear(db: Connection, index: int) -> str:
        try:
            with db.transaction():
                sales.hear_refund(db, refunds[index])
        except sales.OverRefundedError:
            return "refused"
        return "booked"

    assert Counter(together(hear)) == {"booked": 3, "refused": 5}
    assert desk.sql("SELECT reversed_gross FROM finance.creator_earnings") == [(9_000,)]
    desk.books_hold()


def test_eight_settlements_at_once_settle_once(desk: Desk, together: Together) -> None:
    for _ in range(5):
        desk.sell(CREATOR, 10_000)
    desk.pass_time(days=7)
    together(lambda db, _: settlement.settle_creator(db, CREATOR))
    assert desk.balances(CREATOR) == {"pending": 0, "available": 5 * 7_952, "frozen": 0, "withdrawn": 0}
    assert desk.sql("SELECT batches FROM finance.settlements") == [(1,)]
    desk.books_hold()


def test_refunds_and_settlement_at_once_leave_books_that_hold(desk: Desk, together: Together) -> None:
    orders = [desk.sell(CREATOR, 10_000) for _ in range(4)]
    refunds = [desk.refund_of(order_no, 4_000) for order_no in orders]
    desk.pass_time(days=7)

    def either(db: Connection, index: int) -> None:
        if index % 2:
            settlement.settle_creator(db, CREATOR)
        else:
            sales.hear_refund(db, refunds[index // 2])

    assert together(either) == [None] * THREADS
    desk.settle()
    assert desk.balances(CREATOR) == {"pending": 0, "available": 4 * (7_952 - 3_181), "frozen": 0, "withdrawn": 0}
    desk.books_hold()


def test_of_eight_requests_one_is_open(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    said = together(lambda db, _: requests.request(db, CREATOR, 50_000, TARGET).amount)
    assert Counter(said) == {50_000: 1, "withdrawal_in_progress": 7}
    assert desk.balances(CREATOR) == {"pending": 0, "available": FREE - 50_000, "frozen": 50_000, "withdrawn": 0}
    desk.books_hold()


def test_eight_requests_with_one_key_are_one_with_one_answer(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    caller = SimpleNamespace(uid=CREATOR)

    def ask(db: Connection, _: int) -> str:
        context = SimpleNamespace(method="POST", path="/withdrawals/request", body=b"{}")
        once = Once(SimpleNamespace(scope={"house": context}), "same")  # type: ignore[arg-type]
        try:
            once.claim(db, caller)  # type: ignore[arg-type]
        except Replay as replay:
            return replay.body
        made = requests.request(db, CREATOR, 50_000, TARGET)
        return once.keep(db, Kept(withdrawal_id=made.withdrawal_id), 201).model_dump_json()

    assert len(set(together(ask))) == 1
    assert desk.sql("SELECT count(*), sum(amount) FROM finance.withdrawal_requests") == [(1, 50_000)]
    desk.books_hold()


def test_of_eight_holds_for_the_whole_balance_one_gets_it(desk: Desk, together: Together) -> None:
    """Even without the rule of one open request, the balance decides."""
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 10_000)
    desk.decide(withdrawal_id, "reject")

    def hold(db: Connection, index: int) -> int:
        found = withdrawals.find(db, withdrawal_id)
        assert found is not None
        return holds.freeze(db, replace(found, amount=FREE, hold_no=100 + index), clock.now())

    assert Counter(together(hold)) == {0: 1, "insufficient_balance": 7}
    assert desk.balances(CREATOR) == {"pending": 0, "available": 0, "frozen": FREE, "withdrawn": 0}


@pytest.mark.parametrize("actions", [("approve",), ("reject",), ("approve", "reject")])
def test_of_eight_decisions_one_counts(desk: Desk, together: Together, actions: tuple[Action, ...]) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.request(CREATOR, 150_000)
    said = together(
        lambda db, index: decisions.decide(db, withdrawal_id, Decision(OPERATOR, actions[index % len(actions)])).status
    )
    assert Counter(said)["invalid_state"] == 7
    with desk.time():
        workflow.deliver(withdrawal_id)
    desk.machine.run()
    desk.books_hold()
    assert desk.vendor.paid_out == (150_000 if "approved" in said else 0)


def opens(db: Connection, withdrawal_id: int) -> str:
    """What `send` does before it calls the vendor."""
    held = withdrawals.lock(db, withdrawal_id)
    assert held is not None
    known = transfers.of_hold(db, withdrawal_id, held.hold_no)
    if next_step(held.status, known)[0] != "send":
        return "left"
    transfers.open_one(db, held, new_ulid(), clock.now())
    return "opened"


def test_eight_sends_at_once_give_the_vendor_one_number(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000)
    desk.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
    assert Counter(together(lambda db, _: opens(db, withdrawal_id))) == {"opened": 1, "left": 7}


def test_a_transfer_by_us_and_one_by_hand_at_once_are_one(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 150_000)
    desk.decide(withdrawal_id, "approve")

    def either(db: Connection, index: int) -> str:
        if index % 2:
            return opens(db, withdrawal_id)
        return decisions.decide(db, withdrawal_id, Decision(OPERATOR, "mark_paid", payout_no="1")).status

    said = Counter(together(either))
    assert said["opened"] + said["paid"] == 1


def test_of_eight_ends_of_a_hold_one_counts(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000)
    desk.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
    assert desk.task("send_transfer", {"withdrawal_id": withdrawal_id})["next"] == "finish"

    def finish(db: Connection, index: int) -> str:
        held = withdrawals.lock(db, withdrawal_id)
        assert held is not None
        if held.status != "processing":
            return "late"
        payouts.end(db, held, "paid" if index % 2 else "failed")
        return "ended"

    assert Counter(together(finish)) == {"ended": 1, "late": 7}
    assert desk.sql("SELECT count(*) FROM finance.ledger_entries WHERE kind IN ('payout', 'payout_void')") == [(1,)]


def test_the_ledger_itself_refuses_to_end_a_hold_both_ways(desk: Desk) -> None:
    """Should the code above ever forget to look, the one reference of a hold's outcome stands in the way."""
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000)
    with desk.time():
        db = current()
        held = withdrawals.lock(db, withdrawal_id)
        assert held is not None
        holds.pay(db, held, desk.at)
        holds.pay(db, held, desk.at)
        with pytest.raises(psycopg.Error, match="was posted as"):
            holds.give_back(db, held, desk.at)
    assert desk.balances(CREATOR) == {"pending": 0, "available": FREE - 50_000, "frozen": 0, "withdrawn": 50_000}


def test_the_database_itself_refuses_a_second_live_transfer(desk: Desk) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000)
    with desk.time():
        db = current()
        held = withdrawals.lock(db, withdrawal_id)
        assert held is not None
        transfers.open_one(db, held, "T1", desk.at)
        with pytest.raises(psycopg.errors.UniqueViolation):
            transfers.open_one(db, held, "T2", desk.at)
