"""Chargebacks and adjustments: two people each, one outcome, books that hold, and what a creator owes afterwards."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.finance import expire_holds
from functions.finance.ledger_schemas import AdjustmentIn
from functions.finance.service import adjustments, chargebacks
from functions.finance.store.adjustments import Adjustment
from shared import clock
from shared.errors import Refusal
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from tests.finance.books import in_parallel
from tests.finance.build import OPERATOR, Desk, add_creator
from tests.finance.conftest import CREATOR, Client
from tests.fixtures.people import make_user
from tests.payments.build import Crash, dying_before_statement

SECOND = 100_010
AVAILABLE, INCOME = f"creator:{CREATOR}:available", "platform:income"


def take(desk: Desk, order_no: str, amount: int = 10_000, case_no: str = "D-1") -> int:
    with desk.time(), unit_of_work() as db:
        return chargebacks.take(db, OPERATOR, order_no, amount=amount, case_no=case_no, reason="disputed")


def end(desk: Desk, number: int, outcome: Any, by: int = SECOND) -> None:
    with desk.time(), unit_of_work() as db:
        chargebacks.end(db, by, number, outcome, None)


def lines(desk: Desk, reference: str) -> dict[str, int]:
    return dict(
        desk.sql(
            "SELECT a.name, p.amount FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)"
            " JOIN finance.ledger_accounts a USING (account_id) WHERE e.reference = %s",
            (reference,),
        )
    )


def test_a_chargeback_that_is_lost_is_owed_by_its_creator_and_collected_like_a_refund(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    counter.sell(CREATOR, 20_000)
    counter.pass_time(days=7)
    counter.settle()
    number = take(counter, order_no)
    assert lines(counter, f"chargeback:{number}:taken") == {"channel:alipay": 10_000, "platform:disputes": -10_000}
    counter.books_hold()
    end(counter, number, "lost")
    assert lines(counter, f"chargeback:{number}:outcome") == {
        "platform:disputes": 10_000, "platform:fees": -60, INCOME: -1_988, f"creator:{CREATOR}:pending": -7_952,
    }  # fmt: skip
    assert counter.balances(CREATOR)["pending"] == -7_952
    counter.books_hold()
    counter.settle()
    assert counter.balances(CREATOR) == {"pending": 0, "available": 15_904, "frozen": 0, "withdrawn": 0}
    counter.books_hold()


def test_one_that_is_won_leaves_nothing_behind(counter: Desk) -> None:
    number = take(counter, counter.sell(CREATOR, 10_000))
    end(counter, number, "won")
    assert lines(counter, f"chargeback:{number}:outcome") == {"channel:alipay": -10_000, "platform:disputes": 10_000}
    assert counter.balances(CREATOR)["pending"] == 7_952
    counter.books_hold()


def test_what_was_refunded_before_is_lost_by_the_platform(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    first, second = take(counter, order_no, 4_000), take(counter, order_no, 6_000, "D-2")
    counter.refund(order_no, 7_000)
    end(counter, first, "lost")
    assert lines(counter, f"chargeback:{first}:outcome")["platform:losses"] == -1_000
    end(counter, second, "lost")
    assert lines(counter, f"chargeback:{second}:outcome") == {"platform:disputes": 6_000, "platform:losses": -6_000}
    assert counter.balances(CREATOR)["pending"] == 0
    counter.books_hold()


def refused(work: Callable[[], Any]) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refusal) as refusal:
        work()
    details: Any = refusal.value.details
    return refusal.value.error, dict(details or {})


def test_what_is_no_chargeback_is_refused(counter: Desk) -> None:
    order_no, own = counter.sell(CREATOR, 10_000), counter.sell(CREATOR, 4_000, channel="balance")
    counter.sql("SELECT finance.credit_balance('surplus', 'P', 'O', 100021, 'alipay', 4000, %s)", (counter.at,))
    counter.sql("SELECT finance.pay_from_balance(%s, 100021, 4000, %s)", (own, counter.at))
    number = take(counter, order_no, 6_000)
    assert refused(lambda: take(counter, "nobodys", 1))[0] == "order_not_found"
    assert refused(lambda: take(counter, order_no, 4_001, "D-2")) == (
        "invalid_state", {"reason": "not_chargeable", "chargeable": 4_000},
    )  # fmt: skip
    assert refused(lambda: take(counter, own, 1, "D-3"))[1]["chargeable"] == 0
    assert refused(lambda: take(counter, order_no, 1))[1] == {"reason": "case_known"}
    assert refused(lambda: end(counter, number, "won", OPERATOR))[0] == "self_approval_forbidden"
    assert refused(lambda: end(counter, number, "won", CREATOR))[0] == "self_approval_forbidden"
    assert refused(lambda: end(counter, 99, "won"))[0] == "chargeback_not_found"
    end(counter, number, "won")
    assert refused(lambda: end(counter, number, "lost")) == ("invalid_state", {"status": "won"})
    counter.books_hold()


def test_of_eight_outcomes_of_one_chargeback_one_counts(desk: Desk, fresh_database: Callable[..., str]) -> None:
    number = take(desk, desk.sell(CREATOR, 10_000))

    def ends(db: Connection, index: int) -> str:
        with clock.frozen(desk.at):
            try:
                with db.transaction():
                    chargebacks.end(db, SECOND + index, number, "lost" if index % 2 else "won", None)
            except Refusal as refusal:
                return refusal.error
        return "ended"

    assert Counter(in_parallel(fresh_database("finance"), 8, ends)) == {"ended": 1, "invalid_state": 7}
    desk.books_hold()


def survive(desk: Desk, work: Callable[[], Any]) -> int:
    """Repeat work that dies before its first statement, then its second, …; the books hold each time. How often it died."""
    for number in range(1, 60):
        try:
            with desk.time(), dying_before_statement(number):
                work()
        except Crash:
            desk.books_hold()
            continue
        return number - 1
    raise AssertionError("it never got through")


def test_both_killed_before_every_statement_end_as_one_undisturbed(desk: Desk) -> None:
    desk.earned(CREATOR, 10_000)
    number = take(desk, desk.sell(CREATOR, 10_000))
    assert survive(desk, lambda: end(desk, number, "lost")) > 5
    assert survive(desk, lambda: propose(desk)) == 3
    assert survive(desk, lambda: decide(desk, desk.sql("SELECT min(adjustment_id) FROM finance.adjustments")[0][0])) == 3
    assert desk.sql("SELECT status FROM finance.adjustments") == [("approved",)]
    assert lines(desk, f"chargeback:{number}:outcome")[f"creator:{CREATOR}:pending"] == -7_952
    desk.books_hold()


def propose(desk: Desk, source: str = AVAILABLE, target: str = INCOME, *, amount: int = 400, **fields: Any) -> int:
    told: dict[str, Any] = {"currency": "CNY", "proposed_by": OPERATOR, "expires_at": desk.at + timedelta(days=7)} | fields
    with desk.time(), unit_of_work() as db:
        wanted = Adjustment(0, told["currency"], source, target, amount, "proposed", told["proposed_by"], told["expires_at"])
        return adjustments.propose(db, told["proposed_by"], wanted, "a mistake of ours")


def decide(desk: Desk, number: int, *, approve: bool = True, by: int = SECOND) -> None:
    with desk.time(), unit_of_work() as db:
        adjustments.decide(db, by, number, approve=approve, comment=None)


def test_what_is_taken_from_a_creator_waits_frozen_for_a_second_person(rich: Desk) -> None:
    number = propose(rich, amount=400)
    assert rich.balances(CREATOR) == {"pending": 0, "available": 794_800, "frozen": 400, "withdrawn": 0}
    rich.books_hold()
    decide(rich, number)
    assert lines(rich, f"adjustment:{number}:outcome") == {f"creator:{CREATOR}:frozen": -400, INCOME: 400}
    decide(rich, propose(rich), approve=False)
    assert rich.balances(CREATOR) == {"pending": 0, "available": 794_800, "frozen": 0, "withdrawn": 0}
    rich.books_hold()


def test_one_that_nobody_decides_gives_back_what_it_held(desk: Desk) -> None:
    desk.earned(CREATOR, 10_000)
    held, plain = propose(desk), propose(desk, INCOME, AVAILABLE)
    desk.pass_time(days=7)
    for number in (held, plain):
        assert refused(partial(decide, desk, number)) == ("invalid_state", {"status": "expired"})
    with desk.time():
        assert expire_holds.handler({}, None)["done"] == 1
    assert desk.balances(CREATOR)["frozen"] == 0
    desk.books_hold()


def test_adjustments_between_other_accounts_and_in_usdt(counter: Desk) -> None:
    make_user(counter.sql, 100_021, "buyer")
    for source, target, currency in (
        (INCOME, AVAILABLE, "CNY"),
        (INCOME, "buyer:100021:balance", "CNY"),
        ("buyer:100021:balance", "channel:alipay", "CNY"),
        ("channel:usdt", AVAILABLE, "USDT"),
        (AVAILABLE, "platform:exchange", "USDT"),
    ):
        decide(counter, propose(counter, source, target, currency=currency))
        counter.books_hold()
    number = propose(counter, "buyer:100021:balance", INCOME)
    assert refused(lambda: decide(counter, number))[0] == "insufficient_balance"
    assert refused(lambda: propose(counter, amount=401))[0] == "insufficient_balance"
    counter.books_hold()


def test_who_may_not_decide_and_what_may_not_be_adjusted(rich: Desk) -> None:
    number = propose(rich)
    for nobody in (OPERATOR, CREATOR):
        assert refused(partial(decide, rich, number, by=nobody))[0] == "self_approval_forbidden"
    assert refused(lambda: propose(rich, proposed_by=CREATOR))[0] == "self_approval_forbidden"
    assert refused(lambda: decide(rich, number + 100))[0] == "adjustment_not_found"
    assert refused(lambda: propose(rich, "creator:4242:available"))[0] == "validation_error"
    decide(rich, number)
    assert refused(lambda: decide(rich, number)) == ("invalid_state", {"status": "approved"})
    for account in ("creator:7:pending", "creator:7:frozen", "platform:payouts", "platform:disputes", "channel:balance"):
        with pytest.raises(ValueError, match="from_account"):
            AdjustmentIn(from_account=account, to_account=INCOME, amount=1, reason="x")


def test_of_eight_decisions_on_one_proposal_one_counts(desk: Desk, fresh_database: Callable[..., str]) -> None:
    desk.earned(CREATOR, 10_000)
    number = propose(desk)

    def one(db: Connection, index: int) -> str:
        with clock.frozen(desk.at):
            try:
                with db.transaction():
                    adjustments.decide(db, SECOND + index, number, approve=bool(index % 2), comment=None)
            except Refusal as refusal:
                return refusal.error
        return "decided"

    assert Counter(in_parallel(fresh_database("finance"), 8, one)) == {"decided": 1, "invalid_state": 7}
    desk.books_hold()


def test_what_is_credited_to_a_merged_creator_goes_where_their_money_goes(counter: Desk) -> None:
    into = add_creator(counter.sql, SECOND + 1)
    counter.sql(
        "INSERT INTO finance.account_merges (merge_id, from_uid, into_uid, heard_at) VALUES (1, %s, %s, %s)",
        (CREATOR, into, counter.at),
    )
    decide(counter, propose(counter, INCOME, AVAILABLE))
    assert counter.balances(into)["available"] == 400
    counter.books_hold()


def test_the_routes_of_both(call: Client, rich: Desk) -> None:
    order_no = rich.sell(CREATOR, 10_000)
    taken = call.staff(
        "POST",
        "/admin/finance/chargebacks",
        {"order_no": order_no, "amount": 10_000, "case_no": "D-1", "reason": "付款人否认交易"},
        headers={"Idempotency-Key": "c1"},
    )
    assert (taken.status, taken.data["status"], taken.data["creator_id"]) == (201, "open", CREATOR)
    path = f"/admin/finance/chargebacks/{taken.data['chargeback_id']}/outcome"
    assert call.staff("POST", path, {"outcome": "lost"}).error == (403, "self_approval_forbidden")
    assert call("POST", path, {"outcome": "lost"}, uid=SECOND, permissions=("finance:write",)).status == 403
    ended = call("POST", path, {"outcome": "lost", "comment": "没有凭证"}, uid=SECOND, permissions=("finance:approve",))
    assert (ended.status, ended.data["status"], ended.data["decided_by"]) == (200, "lost", SECOND)
    assert call.staff("POST", "/admin/finance/chargebacks/99/outcome", {"outcome": "won"}).status == 404
    listed = call.staff("GET", "/admin/finance/chargebacks", query={"status": "lost", "order_no": order_no})
    assert [item["comment"] for item in listed.data["items"]] == ["没有凭证"]
    assert call.staff("GET", "/admin/finance/chargebacks", query={"creator_id": 9}).data["items"] == []

    body = {"from_account": AVAILABLE, "to_account": INCOME, "amount": 100, "reason": "多结算了"}
    made = call.staff("POST", "/admin/finance/adjustments", body, headers={"Idempotency-Key": "a1"})
    again = call.staff("POST", "/admin/finance/adjustments", body, headers={"Idempotency-Key": "a1"})
    assert (made.status, again.data) == (201, made.data)
    path = f"/admin/finance/adjustments/{made.data['adjustment_id']}/decision"
    assert call.staff("POST", path, {"approve": True}).error == (403, "self_approval_forbidden")
    assert call("POST", path, {"approve": True}, uid=SECOND, permissions=("finance:approve",)).data["status"] == "approved"
    bad = call.staff("POST", "/admin/finance/adjustments", body | {"from_account": "platform:payouts"})
    assert (bad.status, bad.json["details"][0]["field"]) == (422, "body.from_account")
    late = call.staff("POST", "/admin/finance/adjustments", body, headers={"Idempotency-Key": "a2"})
    rich.pass_time(days=7)
    listed = call.staff("GET", "/admin/finance/adjustments", query={"status": "expired", "account": AVAILABLE})
    assert [item["adjustment_id"] for item in listed.data["items"]] == [late.data["adjustment_id"]]
    for path in ("/admin/finance/chargebacks", "/admin/finance/adjustments", "/admin/finance/ledger/accounts"):
        assert call("GET", path).status == 403
    told = rich.sql("SELECT operation FROM admin.admin_operation_logs WHERE result = 'success' ORDER BY id")
    assert [name for (name,) in told] == [
        "chargeback.take", "chargeback.end", "adjustment.propose", "adjustment.decide", "adjustment.propose",
    ]  # fmt: skip
    rich.books_hold()
