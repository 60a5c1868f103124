"""Facts of finance. Amounts are fen."""

from datetime import datetime
from typing import ClassVar

from events.base import Fact


class WithdrawalRequested(Fact):
    """A creator asked for a payout; the amount is held. Its workflow starts from this fact."""

    NAME: ClassVar[str] = "finance.withdrawal_requested.v1"

    withdrawal_id: int
    creator_id: int


class WithdrawalEnded(Fact):
    """A payout reached its final state: `paid`, `rejected` or `failed`."""

    NAME: ClassVar[str] = "finance.withdrawal_ended.v1"

    withdrawal_id: int
    creator_id: int
    status: str
    amount: int
    ended_at: datetime


class EarningsSettled(Fact):
    """Earnings past their hold became available."""

    NAME: ClassVar[str] = "finance.earnings_settled.v1"

    settlement_id: int
    creator_id: int
    amount: int
    settled_at: datetime
