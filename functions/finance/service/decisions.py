"""What an operator does about a payout: approve, reject, retry, or say that it was paid by hand (FIN-007)."""

from collections.abc import Callable
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from functions.finance import workflow
from functions.finance.errors import (
    GatewayFailed,
    InsufficientBalance,
    InvalidState,
    SelfApprovalForbidden,
    WithdrawalNotFound,
)
from functions.finance.models import Withdrawal
from functions.finance.service import holds, payouts
from functions.finance.store import withdrawals
from shared import clock
from shared.errors import ValidationFailed
from shared.sql.connection import Connection

Action = Literal["approve", "reject", "retry", "mark_paid"]


def decide(
    db: Connection, operator: int, withdrawal_id: int, *, action: Action, comment: str | None, payout_no: str | None
) -> Withdrawal:
    """Take one decision on somebody else's payout. What the workflow must hear of it is delivered after the commit.

    Raises WithdrawalNotFound, SelfApprovalForbidden, InvalidState or GatewayFailed.
    """
    withdrawal = withdrawals.lock(db, withdrawal_id)
    if withdrawal is None:
        raise WithdrawalNotFound
    if withdrawal.creator_id == operator:
        raise SelfApprovalForbidden
    if action == "mark_paid":
        _mark_paid(db, withdrawal, operator, comment, payout_no)
    else:
        _ACTIONS[action](db, withdrawal, operator, comment)
    changed = withdrawals.find(db, withdrawal_id)
    assert changed is not None  # noqa: S101 - its row is held
    return changed


def _approve(db: Connection, withdrawal: Withdrawal, operator: int, comment: str | None) -> None:
    _require(withdrawal, "pending")
    withdrawals.move(db, withdrawal.withdrawal_id, "approved", clock.now(), actor=operator, comment=comment)


def _reject(db: Connection, withdrawal: Withdrawal, operator: int, comment: str | None) -> None:
    _require(withdrawal, "pending")
    payouts.end(db, withdrawal, "rejected", actor=operator, comment=comment)


def _retry(db: Connection, withdrawal: Withdrawal, operator: int, comment: str | None) -> None:
    """Drive an open payout on, or freeze the amount of a failed one again. The new execution waits for our commit."""
    _require(withdrawal, "approved", "processing", "failed")
    now = clock.now()
    if withdrawal.status == "failed":
        withdrawals.hold_again(db, withdrawal.withdrawal_id)
        withdrawals.move(db, withdrawal.withdrawal_id, "approved", now, actor=operator, comment=comment or "retry")
    else:
        withdrawals.next_run(db, withdrawal.withdrawal_id)
    again = withdrawals.lock(db, withdrawal.withdrawal_id)
    assert again is not None  # noqa: S101 - its row is held
    try:
        if withdrawal.status == "failed":
            holds.freeze(db, again, now)
        if (arn := workflow.start(again)) is not None:
            withdrawals.keep_execution(db, withdrawal.withdrawal_id, arn)
    except InsufficientBalance as error:
        raise InvalidState(status=withdrawal.status, reason="insufficient_balance") from error
    except (BotoCoreError, ClientError) as error:
        raise GatewayFailed from error


def _mark_paid(db: Connection, withdrawal: Withdrawal, operator: int, comment: str | None, payout_no: str | None) -> None:
    """Only while no number of ours can still move money, so that the two ways never meet."""
    if payout_no is None:
        raise ValidationFailed([{"field": "body.payout_no", "message": "required for mark_paid"}])
    _require(withdrawal, "approved", "processing")
    known = withdrawals.transfers(db, withdrawal.withdrawal_id, withdrawal.hold_no)
    if any(transfer.status in {"open", "succeeded"} for transfer in known):
        raise InvalidState(status=withdrawal.status, reason="transfer_open")
    payouts.end(db, withdrawal, "paid", actor=operator, comment=comment, payout_no=payout_no, channel=holds.MANUAL)


def _require(withdrawal: Withdrawal, *statuses: str) -> None:
    if withdrawal.status not in statuses:
        raise InvalidState(status=withdrawal.status)


_ACTIONS: dict[str, Callable[[Connection, Withdrawal, int, str | None], None]] = {
    "approve": _approve,
    "reject": _reject,
    "retry": _retry,
}
