"""Eight at once on one withdrawal: people, executions and callbacks meet, and it is paid once."""

from collections import Counter
from typing import Any

import pytest

from functions.finance.service import decisions, payouts
from functions.finance.service.decisions import Decision
from functions.finance.store import withdrawals
from functions.finance.withdrawal import LEASE, Action
from shared import clock
from shared.sql.connection import Connection
from tests.finance.build import OPERATOR, USDT, WECHAT, Desk, MortalPayouts
from tests.finance.conftest import CREATOR, THREADS, Together


@pytest.mark.parametrize("operators", [1, THREADS])
def test_of_eight_first_approvals_two_people_count(desk: Desk, together: Together, operators: int) -> None:
    """Above the limit: eight people at once are two approvals and no more, one person eight times is one."""
    desk.earned(CREATOR, 2_000_000)
    withdrawal_id = desk.request(CREATOR, 1_500_000)
    said = together(
        lambda db, index: decisions.decide(db, withdrawal_id, Decision(OPERATOR + index % operators, "approve")).status
    )
    expected = {"pending": 1, "approved": 1, "invalid_state": 6} if operators > 1 else {
        "pending": 1, "self_approval_forbidden": 7,
    }  # fmt: skip
    assert Counter(said) == expected


def test_of_eight_executions_one_has_the_lease(desk: Desk, together: Together) -> None:
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000)

    def take(db: Connection, _: int) -> int | None:
        held = withdrawals.lock(db, withdrawal_id)
        assert held is not None
        return withdrawals.take_lease(db, held, clock.now(), clock.now() + LEASE)

    assert Counter(together(take)) == {1: 1, None: 7}
    desk.pass_time(seconds=LEASE.total_seconds())
    assert Counter(together(take)) == {2: 1, None: 7}


@pytest.mark.parametrize("fate", ["succeeded", "failed"])
def test_a_callback_and_a_retry_at_once_end_it_once(desk: Desk, together: Together, fate: Any) -> None:
    desk.vendor = MortalPayouts(("confirm",))
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.ask(CREATOR, 50_000, WECHAT)
    event = {"withdrawal_id": withdrawal_id}
    desk.task("assess_withdrawal", event)
    desk.task("send_transfer", event)
    (number,) = desk.vendor.numbers
    desk.vendor.decide(number, fate)
    desk.vendor.fates = ["succeeded"]

    def either(db: Connection, index: int) -> str:
        if index % 2:
            return decisions.decide(db, withdrawal_id, Decision(OPERATOR, "retry")).status
        payouts.hear(db, number, desk.rails)
        return "heard"

    assert Counter(together(either))["heard"] == THREADS // 2
    desk.settle_down()
    assert desk.status(withdrawal_id) == "paid"
    assert desk.vendor.paid_out == 50_000
    assert desk.sql("SELECT count(*) FROM finance.ledger_entries WHERE kind = 'payout'") == [(1,)]
    desk.books_hold()


@pytest.mark.parametrize("actions", [("mark_paid",), ("mark_paid", "reject")])
def test_of_eight_ends_of_a_payout_by_hand_one_counts(desk: Desk, together: Together, actions: tuple[Action, ...]) -> None:
    desk.vendor = MortalPayouts(("by_hand",))
    desk.earned(CREATOR, 500_000)
    withdrawal_id = desk.request_to(CREATOR, 50_000, USDT)
    desk.decide(withdrawal_id, "approve")
    desk.machine.run()
    assert desk.status(withdrawal_id) == "processing"

    def end(db: Connection, index: int) -> str:
        action = actions[index % len(actions)]
        return decisions.decide(db, withdrawal_id, Decision(OPERATOR, action, payout_no=f"{index:064x}")).status

    said = Counter(together(end))
    assert said["paid"] + said["rejected"] == 1
    assert said["invalid_state"] == THREADS - 1
    desk.settle_down()
    desk.books_hold()
