"""What an operator does about a payout: approve, reject, retry, or say that it was paid by hand (FIN-007)."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from functions.finance import workflow
from functions.finance.errors import (
    GatewayFailed,
    InsufficientBalance,
    InvalidState,
    SelfApprovalForbidden,
    WithdrawalNotFound,
)
from functions.finance.gateways.base import Said
from functions.finance.service import holds, payouts
from functions.finance.service.payees import Target, is_tx_hash
from functions.finance.store import transfers, withdrawals
from functions.finance.withdrawal import ACTIONS, Action, Withdrawal
from shared import clock
from shared.errors import ValidationFailed
from shared.i18n import Locale, validation_sentence
from shared.sql.connection import Connection
from shared.sql.tunables import tunable


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants done; `payout_no` belongs to `mark_paid`, `locale` is the language of a refused field."""

    operator: int
    action: Action
    comment: str | None = None
    payout_no: str | None = None
    locale: Locale = "zh-CN"


def decide(db: Connection, withdrawal_id: int, decision: Decision) -> Withdrawal:
    """Take one decision on somebody else's payout. What the workflow must hear of it is delivered after the commit.

    Raises WithdrawalNotFound, SelfApprovalForbidden, InvalidState, ValidationFailed or GatewayFailed.
    """
    withdrawal = withdrawals.lock(db, withdrawal_id)
    if withdrawal is None:
        raise WithdrawalNotFound
    if withdrawal.creator_id == decision.operator:
        raise SelfApprovalForbidden
    if withdrawal.status not in ACTIONS[decision.action]:
        raise InvalidState(status=withdrawal.status)
    _DO[decision.action](db, withdrawal, decision)
    changed = withdrawals.find(db, withdrawal_id)
    assert changed is not None  # noqa: S101 - its row is held
    return changed


def _approve(db: Connection, withdrawal: Withdrawal, decision: Decision) -> None:
    """Above the limit it takes two: the first approval leaves the request pending, the second must be another person's."""
    now = clock.now()
    approvals = withdrawals.approve(db, withdrawal.withdrawal_id, decision.operator, now)
    if approvals is None:
        raise SelfApprovalForbidden
    actor, comment = decision.operator, decision.comment
    if approvals < 2 and withdrawal.amount > tunable(db, "finance.withdraw_two_person_above"):  # noqa: PLR2004 - two people
        withdrawals.note(db, withdrawal.withdrawal_id, "pending", now, actor=actor, code="second_approval", comment=comment)
    else:
        withdrawals.move(db, withdrawal, "approved", now, actor=actor, comment=comment)


def _reject(db: Connection, withdrawal: Withdrawal, decision: Decision) -> None:
    """Of what is under way, only a payout that nobody but a person can send: nothing of ours moves it."""
    if withdrawal.status == "processing":
        _close_by_hand(db, withdrawal, Said("failed", code="rejected"))
    payouts.end(db, withdrawal, "rejected", actor=decision.operator, comment=decision.comment)


def _retry(db: Connection, withdrawal: Withdrawal, decision: Decision) -> None:
    """Drive an open payout on, or freeze the amount of a failed one again. The new execution waits for our commit."""
    now, failed = clock.now(), withdrawal.status == "failed"
    if failed:
        withdrawals.move(db, withdrawal, "approved", now, actor=decision.operator, code="retried", comment=decision.comment)
    else:
        withdrawals.next_run(db, withdrawal.withdrawal_id)
    again = withdrawals.lock(db, withdrawal.withdrawal_id)
    assert again is not None  # noqa: S101 - its row is held
    try:
        if failed:
            holds.freeze(db, again, now)
        if (arn := workflow.start(again)) is not None:
            withdrawals.keep_execution(db, withdrawal.withdrawal_id, arn)
    except InsufficientBalance as error:
        raise InvalidState(status=withdrawal.status, reason="insufficient_balance") from error
    except (BotoCoreError, ClientError) as error:
        raise GatewayFailed from error


def _mark_paid(db: Connection, withdrawal: Withdrawal, decision: Decision) -> None:
    """Only while no number of ours can still move money, so that the two ways never meet."""
    payout_no = _payout_no(withdrawal, decision)
    if withdrawal.units is not None:
        _close_by_hand(db, withdrawal, Said("succeeded", gateway_no=payout_no))
    else:
        _require_nothing_under_way(db, withdrawal)
    payouts.end(db, withdrawal, "paid", actor=decision.operator, comment=decision.comment, payout_no=payout_no, by_hand=True)


def _payout_no(withdrawal: Withdrawal, decision: Decision) -> str:
    if decision.payout_no is None:
        raise _refused(decision, "标记已付时必填|required for mark_paid")
    if withdrawal.units is None:
        return decision.payout_no
    tx_hash = decision.payout_no.lower()
    if not is_tx_hash(Target.unsealed(withdrawal).network, tx_hash):
        raise _refused(decision, "须为该网络的交易哈希|must be the hash of a transaction on its network")
    return tx_hash


def _refused(decision: Decision, sentence: str) -> ValidationFailed:
    message = validation_sentence("value_error", {"error": ValueError(sentence)}, decision.locale)
    return ValidationFailed([{"field": "body.payout_no", "message": message}])


def _close_by_hand(db: Connection, withdrawal: Withdrawal, said: Said) -> None:
    waiting = [one for one in transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no) if one.by_hand]
    if not waiting:
        raise InvalidState(status=withdrawal.status, reason="transfer_open")
    transfers.record(db, waiting[0].transfer_no, said)


def _require_nothing_under_way(db: Connection, withdrawal: Withdrawal) -> None:
    known = transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no)
    if withdrawal.leased_for(clock.now()) or any(one.status in {"open", "succeeded"} for one in known):
        raise InvalidState(status=withdrawal.status, reason="transfer_open")


_DO: dict[Action, Callable[[Connection, Withdrawal, Decision], None]] = {
    "approve": _approve,
    "reject": _reject,
    "retry": _retry,
    "mark_paid": _mark_paid,
}
