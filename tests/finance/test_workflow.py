"""The payout's way through its state machine, run from the ASL's own text against a vendor in memory."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from functions.finance.errors import InsufficientBalance, InvalidState, SelfApprovalForbidden
from functions.finance.gateways.null import Fate
from functions.finance.manifest import MANIFEST
from functions.finance.service import sweep
from shared import aws
from tests.finance.build import OPERATOR, Desk, MortalPayouts, add_creator
from tests.finance.conftest import CREATOR
from tests.finance.machine import ASL, StillRunningError

SMALL, LARGE = 50_000, 150_000


def transfers(desk: Desk) -> list[tuple[str, str | None]]:
    return desk.sql("SELECT status, code FROM finance.withdrawal_transfers ORDER BY attempt")


def steps(desk: Desk) -> list[str]:
    return [row[0] for row in desk.sql("SELECT status FROM finance.withdrawal_steps ORDER BY step_id")]


def rich(desk: Desk, *fates: Fate) -> Desk:
    if fates:
        desk.vendor = MortalPayouts(fates)
    desk.earned(CREATOR, 500_000)
    return desk


def money(desk: Desk) -> tuple[int, int, int]:
    balances = desk.balances(CREATOR)
    return balances["available"], balances["frozen"], balances["withdrawn"]


START = 795_200


def test_the_workflow_calls_exactly_the_tasks_of_the_manifest() -> None:
    text = ASL.read_text()
    states = json.loads(text)["States"]
    named = {
        name for name in (state.get("Resource", "")[2:-1] for state in states.values()) if name and "lambda" not in name
    }
    assert named | {"await_decision"} == set(MANIFEST.workflows[0].tasks)
    reachable = {json.loads(text)["StartAt"]}
    for state in states.values():
        reachable |= {state.get("Next"), state.get("Default"), *(c["Next"] for c in state.get("Choices", ()))}
    assert reachable - {None} == set(states)


def test_a_small_clean_request_is_paid_without_anybody(counter: Desk) -> None:
    withdrawal_id = rich(counter).request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "paid"
    assert steps(counter) == ["pending", "approved", "processing", "paid"]
    assert money(counter) == (START - SMALL, 0, SMALL)
    assert counter.vendor.paid_out == SMALL
    ((payout, _),) = counter.vendor.numbers.values()
    assert (payout.account, payout.name, payout.amount.minor) == ("creator@example.com", "张三", SMALL)
    facts = counter.sql("SELECT payload->>'status' FROM platform.outbox_events WHERE topic = 'finance.withdrawal_ended.v1'")
    assert facts == [("paid",)]
    counter.books_hold()


def test_a_large_request_waits_for_a_person(counter: Desk) -> None:
    withdrawal_id = rich(counter).request(CREATOR, LARGE)
    assert counter.status(withdrawal_id) == "pending"
    assert counter.vendor.calls == []
    assert len(counter.machine.waiting) == 1
    counter.books_hold()
    counter.decide(withdrawal_id, "approve")
    counter.machine.run()
    assert counter.status(withdrawal_id) == "paid"
    assert counter.vendor.paid_out == LARGE
    counter.books_hold()


def test_the_limit_itself_needs_nobody(counter: Desk) -> None:
    assert counter.status(rich(counter).request(CREATOR, 100_000)) == "paid"


def test_an_open_reversal_waits_for_a_person(counter: Desk) -> None:
    rich(counter)
    order_no = counter.sell(CREATOR, 1_000)
    counter.pass_time(days=7)
    counter.settle()
    counter.sell(CREATOR, 100_000)
    counter.refund(order_no, 1_000)
    withdrawal_id = counter.request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "pending"
    assert counter.vendor.calls == []


def test_who_is_not_verified_any_more_gets_the_money_back_on_the_account(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, SMALL)
    counter.sql("UPDATE identity.user_profiles SET identity_status = 'rejected' WHERE uid = %s", (CREATOR,))
    counter.start(withdrawal_id, CREATOR)
    counter.machine.run()
    assert counter.status(withdrawal_id) == "rejected"
    assert money(counter) == (START, 0, 0)
    counter.books_hold()


def test_a_rejected_request_gives_the_money_back_and_ends_the_workflow(counter: Desk) -> None:
    withdrawal_id = rich(counter).request(CREATOR, LARGE)
    counter.decide(withdrawal_id, "reject")
    counter.machine.run()
    assert counter.status(withdrawal_id) == "rejected"
    assert {state for state, _ in counter.machine.executions.values()} == {"Done"}
    assert money(counter) == (START, 0, 0)
    assert counter.vendor.calls == []
    counter.books_hold()


def test_a_decision_before_the_workflow_waits_is_told_when_it_does(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, LARGE)
    counter.decide(withdrawal_id, "approve")
    counter.start(withdrawal_id, CREATOR)
    counter.machine.run()
    assert counter.status(withdrawal_id) == "paid"


def test_a_decision_between_risk_check_and_wait_is_told_at_once(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, LARGE)
    counter.start(withdrawal_id, CREATOR)
    assert counter.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})["next"] == "review"
    counter.decide(withdrawal_id, "approve")
    assert counter.machine.answered == []
    counter.task("await_decision", {"withdrawal_id": withdrawal_id, "task_token": "TOKEN"})
    assert counter.machine.answered == ["TOKEN"]


def test_an_unknown_outcome_stays_unknown_until_the_vendor_tells(counter: Desk) -> None:
    withdrawal_id = rich(counter, "dealing").ask(CREATOR, SMALL)
    counter.start(withdrawal_id, CREATOR)
    with pytest.raises(StillRunningError):
        counter.machine.run(200)
    assert counter.status(withdrawal_id) == "processing"
    assert len(counter.vendor.numbers) == 1
    assert counter.at - timedelta(days=1) > counter.sql("SELECT created_at FROM finance.withdrawal_requests")[0][0]
    counter.books_hold()
    (number,) = counter.vendor.numbers
    counter.vendor.decide(number, "succeeded")
    counter.machine.run()
    assert counter.status(withdrawal_id) == "paid"
    assert money(counter) == (START - SMALL, 0, SMALL)
    counter.books_hold()


def test_a_lost_answer_is_asked_for_not_sent_again(counter: Desk) -> None:
    withdrawal_id = rich(counter, "unknown").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "paid"
    assert len(counter.vendor.calls) == 1


def test_a_call_that_never_arrived_is_sent_again_under_its_number(counter: Desk) -> None:
    withdrawal_id = rich(counter, "lost", "lost", "succeeded").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "paid"
    assert len(counter.vendor.calls) == 3
    assert len(set(counter.vendor.calls)) == 1
    counter.books_hold()


def test_a_vendor_that_never_got_it_is_not_believed_while_the_call_may_be_under_way(counter: Desk) -> None:
    withdrawal_id = rich(counter, "lost", "succeeded").ask(CREATOR, SMALL)
    event = {"withdrawal_id": withdrawal_id}
    counter.task("assess_withdrawal", event)
    assert counter.task("send_transfer", event)["next"] == "poll"
    counter.pass_time(seconds=59)
    assert counter.task("poll_transfer", event)["next"] == "poll"
    assert len(counter.vendor.calls) == 1
    counter.pass_time(seconds=1)
    assert counter.task("poll_transfer", event)["next"] == "finish"
    assert len(counter.vendor.calls) == 2


def test_an_explicit_failure_is_tried_again_under_a_new_number(counter: Desk) -> None:
    withdrawal_id = rich(counter, "failed", "failed", "succeeded").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "paid"
    assert [status for status, _ in transfers(counter)] == ["failed", "failed", "succeeded"]
    assert len(set(counter.vendor.calls)) == 3
    assert counter.vendor.paid_out == SMALL
    counter.books_hold()


def test_after_three_retries_the_money_is_given_back(counter: Desk) -> None:
    withdrawal_id = rich(counter, "failed").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "failed"
    assert len(transfers(counter)) == 4
    assert money(counter) == (START, 0, 0)
    counter.books_hold()


def test_a_payee_that_does_not_exist_is_not_tried_again(counter: Desk) -> None:
    withdrawal_id = rich(counter, "hopeless").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "failed"
    assert transfers(counter) == [("failed", "PAYEE_NOT_EXIST")]
    assert counter.sql("SELECT comment FROM finance.withdrawal_requests") == [("PAYEE_NOT_EXIST",)]


def test_a_payout_that_comes_back_while_under_way_is_given_back(counter: Desk) -> None:
    withdrawal_id = rich(counter, "returned").request(CREATOR, SMALL)
    assert counter.status(withdrawal_id) == "failed"
    assert money(counter) == (START, 0, 0)
    counter.books_hold()


def test_a_payout_that_comes_back_after_it_was_paid_is_available_again(counter: Desk) -> None:
    withdrawal_id = rich(counter).request(CREATOR, SMALL)
    (number,) = counter.vendor.numbers
    counter.vendor.decide(number, "returned")
    for hours, found in ((1, 0), (12, 1), (12, 0)):
        counter.pass_time(hours=hours)
        with counter.time():
            assert sweep.find_returned(counter.rails) == found
    assert counter.status(withdrawal_id) == "failed"
    assert money(counter) == (START, 0, 0)
    assert steps(counter)[-2:] == ["paid", "failed"]
    counter.books_hold()


def test_a_paid_payout_is_looked_after_for_a_week(counter: Desk) -> None:
    rich(counter).request(CREATOR, SMALL)
    for _ in range(30):
        counter.pass_time(hours=12, minutes=1)
        with counter.time():
            assert sweep.find_returned(counter.rails) == 0
    (number,) = counter.vendor.numbers
    counter.vendor.decide(number, "returned")
    with counter.time():
        assert sweep.find_returned(counter.rails) == 0


def test_a_failed_payout_may_be_retried_with_a_new_hold(counter: Desk) -> None:
    withdrawal_id = rich(counter, "hopeless", "succeeded").request(CREATOR, SMALL)
    counter.decide(withdrawal_id, "retry")
    assert money(counter) == (START - SMALL, SMALL, 0)
    counter.books_hold()
    counter.machine.run()
    assert counter.status(withdrawal_id) == "paid"
    assert sorted(counter.machine.executions) == [f"withdrawal-{withdrawal_id}", f"withdrawal-{withdrawal_id}-2"]
    assert counter.vendor.paid_out == SMALL
    counter.books_hold()


def test_a_failed_payout_is_not_retried_without_the_money_or_beside_another(counter: Desk) -> None:
    withdrawal_id = rich(counter, "hopeless").request(CREATOR, SMALL)
    other = counter.ask(CREATOR, LARGE)
    with pytest.raises(InvalidState):
        counter.decide(withdrawal_id, "retry")
    counter.decide(other, "reject")
    counter.ask(CREATOR, START - SMALL + 1)
    somebody = add_creator(counter.sql, 100_050)  # so that the open one is not the reason
    counter.sql("UPDATE finance.withdrawal_requests SET creator_id = %s WHERE amount > 500000", (somebody,))
    with pytest.raises(InvalidState):
        counter.decide(withdrawal_id, "retry")


def test_a_payout_by_hand_is_posted_to_its_own_channel(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, LARGE)
    counter.decide(withdrawal_id, "approve")
    counter.decide(withdrawal_id, "mark_paid", payout_no="BANK-1")
    counter.start(withdrawal_id, CREATOR)
    counter.machine.run()
    assert counter.status(withdrawal_id) == "paid"
    assert counter.vendor.calls == []
    assert counter.sql("SELECT payout_no FROM finance.withdrawal_requests") == [("BANK-1",)]
    assert counter.sql(
        "SELECT sum(amount) FROM finance.ledger_postings JOIN finance.ledger_accounts USING (account_id)"
        " WHERE name = 'channel:manual'"
    ) == [(LARGE,)]
    counter.books_hold()


def test_paid_by_hand_and_paid_by_transfer_never_meet(counter: Desk) -> None:
    withdrawal_id = rich(counter, "dealing").ask(CREATOR, SMALL)
    event = {"withdrawal_id": withdrawal_id}
    counter.task("assess_withdrawal", event)
    counter.task("send_transfer", event)
    with pytest.raises(InvalidState):
        counter.decide(withdrawal_id, "mark_paid", payout_no="BANK-1")
    counter.books_hold()


@pytest.mark.parametrize("action", ["approve", "reject", "retry", "mark_paid"])
def test_nobody_decides_on_their_own_payout(counter: Desk, action: str) -> None:
    withdrawal_id = rich(counter).request(CREATOR, LARGE)
    with pytest.raises(SelfApprovalForbidden):
        counter.decide(withdrawal_id, action, by=CREATOR, payout_no="1")


def test_a_final_payout_takes_no_decision_but_a_retry_of_a_failed_one(counter: Desk) -> None:
    paid = rich(counter).request(CREATOR, SMALL)
    for action in ("approve", "reject", "retry", "mark_paid"):
        with pytest.raises(InvalidState):
            counter.decide(paid, action, payout_no="1")
    counter.books_hold()


def test_what_is_frozen_cannot_be_asked_for_again(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, START)
    counter.decide(withdrawal_id, "approve", by=OPERATOR)
    counter.decide(withdrawal_id, "mark_paid", payout_no="1")
    with pytest.raises(InsufficientBalance):
        counter.ask(CREATOR, 10_000)


def test_the_fee_of_a_payout_stays_with_the_platform(counter: Desk) -> None:
    withdrawal_id = rich(counter).ask(CREATOR, SMALL)
    counter.sql("UPDATE finance.withdrawal_requests SET fee = 100")
    counter.start(withdrawal_id, CREATOR)
    counter.machine.run()
    assert counter.vendor.paid_out == SMALL - 100
    assert money(counter) == (START - SMALL, 0, SMALL)
    counter.books_hold()


class TestSweeper:
    """What a crash left behind is found within minutes."""

    def test_a_workflow_never_started_is_started(self, counter: Desk) -> None:
        withdrawal_id = rich(counter).ask(CREATOR, SMALL)
        assert counter.sweep() == 0
        counter.pass_time(minutes=2)
        assert counter.sweep() == 1
        counter.machine.run()
        assert counter.status(withdrawal_id) == "paid"

    def test_a_decision_not_told_is_told(self, counter: Desk) -> None:
        withdrawal_id = rich(counter).request(CREATOR, LARGE)
        counter.sql("UPDATE finance.withdrawal_requests SET status = 'approved'")
        assert counter.sweep() == 1
        counter.machine.run()
        assert counter.status(withdrawal_id) == "paid"
        assert counter.sweep() == 0

    def test_an_execution_that_fell_silent_is_replaced(self, counter: Desk) -> None:
        withdrawal_id = rich(counter).ask(CREATOR, SMALL)
        counter.start(withdrawal_id, CREATOR)
        counter.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
        counter.machine.executions[f"withdrawal-{withdrawal_id}"] = ("Done", {})
        counter.pass_time(hours=1)
        assert counter.sweep() == 0
        counter.pass_time(hours=1, minutes=1)
        assert counter.sweep() == 1
        counter.machine.run()
        assert counter.status(withdrawal_id) == "paid"

    def test_one_that_waits_for_a_person_is_left_alone(self, counter: Desk) -> None:
        rich(counter).request(CREATOR, LARGE)
        counter.pass_time(days=30)
        assert counter.sweep() == 0
        assert len(counter.machine.executions) == 1

    def test_a_token_nobody_waits_for_is_forgotten(self, counter: Desk) -> None:
        rich(counter).request(CREATOR, LARGE)
        counter.sql("UPDATE finance.withdrawal_requests SET status = 'approved'")

        def gone(**_: object) -> None:
            raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")

        aws.client("stepfunctions").meta.events.register_first("before-parameter-build.sfn.SendTaskSuccess", gone)
        counter.sweep()
        assert counter.sql("SELECT task_token FROM finance.withdrawal_requests") == [(None,)]
