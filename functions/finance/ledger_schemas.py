"""What finance receives and sends about the books themselves."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.finance.service.adjustments import ACCOUNTS
from shared.http.envelope import Fen, In, Out

Currency = Literal["CNY", "USDT"]
ChargebackStatus = Literal["open", "won", "lost"]
AdjustmentStatus = Literal["proposed", "approved", "rejected", "expired"]
Traced = Literal[
    "order", "refund", "chargeback", "settlement", "withdrawal", "adjustment", "exchange", "invoice", "statement", "report"
]
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class AccountOut(Out):
    """An account of the ledger: positive is owed, negative is had; USDT in millionths."""

    account: str
    currency: Currency
    kind: Literal["owner", "platform"]
    balance: int
    at: datetime


class PostingOut(Out):
    """One line of an entry, as its account sees it; `balance_after` only where a running balance is kept."""

    posting_id: int
    entry_id: int
    reference: str
    kind: str
    ref_type: str
    ref_id: str
    amount: int
    balance_after: int | None
    at: datetime


class LineOut(Out):
    """One line of an entry."""

    account: str
    amount: int
    balance_after: int | None


class SealOut(Out):
    """What proves an entry: its place in the chain and the block that holds it."""

    seq: int
    hash: str
    block_no: int
    block_hash: str
    sealed_at: datetime


class EntryOut(Out):
    """A business event in the books; `seal` is there a minute after it was booked."""

    entry_id: int
    reference: str
    kind: str
    ref_type: str
    ref_id: str
    currency: Currency
    at: datetime
    lines: list[LineOut]
    seal: SealOut | None


class SumOut(Out):
    """What all traced entries moved on one account."""

    account: str
    currency: Currency
    amount: int


class TraceOut(Out):
    """The entries behind a figure, and their sums."""

    kind: Traced
    id: str
    entries: list[EntryOut]
    sums: list[SumOut]
    next_cursor: str | None


class ChargebackIn(In):
    """What a channel took back; `case_no` is its number of the dispute, `amount` in fen."""

    order_no: Annotated[str, Field(min_length=1, max_length=64)]
    amount: Annotated[Fen, Field(gt=0)]
    case_no: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
    reason: Text


class OutcomeIn(In):
    """How a dispute ended."""

    outcome: Literal["won", "lost"]
    comment: Text | None = None


class ChargebackOut(Out):
    """A payment that was taken back."""

    chargeback_id: int
    order_no: str
    creator_id: int
    channel: str
    case_no: str
    amount: int
    status: ChargebackStatus
    reason: str
    opened_by: int
    opened_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    comment: str | None


class AdjustmentIn(In):
    """So much from one account into another, in fen or millionths of USDT."""

    currency: Currency = "CNY"
    from_account: Annotated[str, Field(pattern=f"^({ACCOUNTS})$")]
    to_account: Annotated[str, Field(pattern=f"^({ACCOUNTS})$")]
    amount: Annotated[Fen, Field(gt=0)]
    reason: Text


class DecisionIn(In):
    """What is decided about a proposal."""

    approve: bool
    comment: Text | None = None


class AdjustmentOut(Out):
    """A correction of the books; one that nobody decided in time is `expired`."""

    adjustment_id: int
    currency: Currency
    from_account: str
    to_account: str
    amount: int
    status: AdjustmentStatus
    reason: str
    proposed_by: int
    proposed_at: datetime
    expires_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    comment: str | None
