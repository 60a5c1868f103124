"""Asking for a payout: the amount is frozen in the same transaction, the workflow follows the fact."""

from dataclasses import dataclass
from datetime import datetime

from events.finance import WithdrawalRequested
from functions.finance import models
from functions.finance.errors import (
    BelowMinimum,
    DailyLimitExceeded,
    IdentityNotVerified,
    InsufficientBalance,
    WithdrawalInProgress,
)
from functions.finance.models import Withdrawal
from functions.finance.service import holds
from functions.finance.store import withdrawals
from functions.finance.store.withdrawals import Request
from shared import clock, crypto
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_FEES_BP = {"alipay": 0}
"""What a payout costs its creator, by method; Alipay takes nothing for a transfer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the money shall go; `name` is the owner of the account."""

    method: str
    number: str
    name: str

    def sealed(self, context: dict[str, str]) -> str:
        """For the database, bound to its row."""
        return crypto.encrypt(f"{self.number}\n{self.name}", context)

    @classmethod
    def unsealed(cls, withdrawal: Withdrawal) -> "Target":
        """As given with the request. Raises Undecipherable when the row was tampered with."""
        number, _, name = crypto.decrypt(withdrawal.account, withdrawal.encryption_context).partition("\n")
        return cls(withdrawal.method, number, name)


def request(db: Connection, creator_id: int, amount: int, target: Target) -> Withdrawal:
    """Freeze `amount` fen and announce the request. Raises the refusals of FIN-006; the database allows one open request."""
    if amount < (minimum := tunable(db, "finance.withdraw_min")):
        raise BelowMinimum(minimum=minimum)
    now = clock.now()
    withdrawal = _store(db, creator_id, Money(amount), target, now)
    standing = withdrawals.standing(db, creator_id, models.day_start(models.shanghai_day(now)))
    if not standing.identity_approved:
        raise IdentityNotVerified
    if standing.asked_today > (limit := tunable(db, "finance.withdraw_daily_limit")):
        raise DailyLimitExceeded(daily_limit=limit)
    if holds.freeze(db, withdrawal, now) + min(standing.pending, 0) < 0:
        raise InsufficientBalance
    outbox.record(
        db,
        WithdrawalRequested(
            event_id=new_ulid(), occurred_at=now, withdrawal_id=withdrawal.withdrawal_id, creator_id=creator_id
        ),
    )
    return withdrawal


def _store(db: Connection, creator_id: int, amount: Money, target: Target, now: datetime) -> Withdrawal:
    request_no = new_ulid()
    fee = amount.portion_bp(_FEES_BP[target.method])
    sealed = target.sealed({"table": "withdrawal_requests", "request_no": request_no})
    masked = crypto.mask_phone(target.number) if target.number.isdecimal() else crypto.mask_account(target.number)
    row = Request(request_no, creator_id, amount.minor, fee.minor, target.method, sealed, masked)
    withdrawal_id = withdrawals.add(db, row, now)
    if withdrawal_id is None:
        raise WithdrawalInProgress
    return Withdrawal(
        withdrawal_id=withdrawal_id,
        request_no=request_no,
        creator_id=creator_id,
        amount=amount.minor,
        fee=fee.minor,
        method=target.method,
        account=sealed,
        account_masked=masked,
        status="pending",
        hold_no=1,
        run=1,
        task_token=None,
        payout_no=None,
        created_at=now,
    )
