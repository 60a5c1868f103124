"""Asking for a payout: the amount is frozen in the same transaction, the workflow follows the fact."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from events.finance import WithdrawalRequested
from functions.finance import models
from functions.finance.errors import (
    AboveMaximum,
    BelowMinimum,
    DailyLimitExceeded,
    IdentityNotVerified,
    InsufficientBalance,
    WithdrawalInProgress,
)
from functions.finance.service import holds
from functions.finance.service.payees import Target
from functions.finance.store import withdrawals
from functions.finance.store.withdrawals import Request
from functions.finance.withdrawal import Withdrawal
from shared import clock
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_UNITS = 10**6


@dataclass(frozen=True, slots=True)
class Quote:
    """What a payout costs its creator, in fen; of USDT also the rate in yuan, and the millionths promised for it."""

    fee: int
    rate: str | None = None
    units: int | None = None


def request(db: Connection, creator_id: int, amount: int, target: Target) -> Withdrawal:
    """Freeze `amount` fen and announce the request. Raises the refusals of FIN-006; the database allows one open request."""
    if amount < (minimum := tunable(db, "finance.withdraw_min")):
        raise BelowMinimum(minimum=minimum)
    now = clock.now()
    withdrawal = _store(db, creator_id, amount, target, now)
    standing = withdrawals.standing(db, creator_id, models.day_start(models.shanghai_day(now)))
    if not standing.identity_approved:
        raise IdentityNotVerified
    if standing.asked_today > (limit := tunable(db, "finance.withdraw_daily_limit")):
        raise DailyLimitExceeded(daily_limit=limit)
    if amount > (maximum := tunable(db, "finance.withdraw_max")):
        raise AboveMaximum(maximum=maximum)
    if holds.freeze(db, withdrawal, now) + min(standing.pending, 0) < 0:
        raise InsufficientBalance
    outbox.record(
        db,
        WithdrawalRequested(
            event_id=new_ulid(), occurred_at=now, withdrawal_id=withdrawal.withdrawal_id, creator_id=creator_id
        ),
    )
    return withdrawal


def quote(db: Connection, amount: int, method: str) -> Quote:
    """Fee half even, from the setting in force; USDT rounded down. Raises BelowMinimum when the fee leaves nothing."""
    terms = tunable(db, "finance.withdraw_fees")[method]
    fee = Money(amount).portion_bp(terms["bp"]).minor + terms["fixed"]
    if fee >= amount:
        raise BelowMinimum(minimum=fee + 1)
    if method != "usdt":
        return Quote(fee)
    rate = str(tunable(db, "usdt.cny_per_usdt"))
    units = (Decimal(amount - fee) / 100 / Decimal(rate) * _UNITS).to_integral_value(ROUND_DOWN)
    return Quote(fee, rate, int(units))


def _store(db: Connection, creator_id: int, amount: int, target: Target, now: datetime) -> Withdrawal:
    request_no = new_ulid()
    quoted = quote(db, amount, target.method)
    sealed = target.sealed(request_no)
    row = Request(
        request_no, creator_id, amount, quoted.fee, target.method, sealed, target.masked, quoted.rate, quoted.units
    )
    withdrawal_id = withdrawals.add(db, row, now)
    if withdrawal_id is None:
        raise WithdrawalInProgress
    stored = withdrawals.find(db, withdrawal_id)
    assert stored is not None  # noqa: S101 - added above
    return stored
