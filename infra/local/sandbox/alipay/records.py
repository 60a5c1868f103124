"""What the simulator remembers of orders, refunds and transfers, and how it may behave. Amounts in fen."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TransferFate = Literal["SUCCESS", "FAIL", "REFUND"]


class Trade(BaseModel):
    """An order the merchant sent. It becomes a trade (`trade_no`, `created_at`) when the buyer scans."""

    out_trade_no: str
    order_no: str | None
    code: str
    subject: str
    body: str
    passback: str | None
    total: int
    notify_url: str | None
    return_url: str | None
    offered_at: datetime
    expires_at: datetime
    trade_no: str | None = None
    created_at: datetime | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    payment_notice: str | None = None
    refunded: int = 0

    @property
    def status(self) -> Literal["WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED"] | None:
        """As the query tells it; None before the buyer scanned."""
        if self.trade_no is None:
            return None
        if self.closed_at is not None:
            return "TRADE_CLOSED"
        return "WAIT_BUYER_PAY" if self.paid_at is None else "TRADE_SUCCESS"


class Refund(BaseModel):
    """Money given back. The same `out_request_no` of a trade is the same refund."""

    out_trade_no: str
    out_request_no: str
    amount: int
    refunded_at: datetime


class Transfer(BaseModel):
    """Money sent to a payee. While `dealing` the outcome is decided but not told.

    Without `settles_at` it is told by the second query, else when the clock gets there.
    """

    out_biz_no: str
    order_id: str
    request: str
    amount: int
    payee: str
    fate: TransferFate
    before: Literal["DEALING", "SUCCESS"] | None
    settles_at: datetime | None
    queries: int = 0
    made_at: datetime


class Agreement(BaseModel):
    """What a buyer was asked to agree to. `debit_day` is the last day of the next debit."""

    external_no: str
    code: str
    account: str
    single_amount: int
    period_months: int
    debit_day: date
    notify_url: str | None
    return_url: str | None
    offered_at: datetime
    agreement_no: str | None = None
    signed_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def status(self) -> Literal["TEMP", "NORMAL", "STOP"]:
        """As the query tells it."""
        if self.ended_at is not None:
            return "STOP"
        return "TEMP" if self.signed_at is None else "NORMAL"


class Behaviour(BaseModel):
    """How Alipay behaves. `delay_seconds` is the wait of whichever switch waits, on the product's clock."""

    model_config = ConfigDict(extra="forbid")

    notify: Literal[
        "normal",
        "late",
        "duplicate",
        "out_of_order",
        "wrong_amount",
        "wrong_signature",
        "wrong_app_id",
        "silent",
    ] = "normal"
    gateway: Literal["up", "down", "slow", "unknown_once", "error", "wrong_signature"] = "up"
    transfer: Literal["success", "dealing", "fail", "fail_later", "returned", "unknown", "lost"] = "success"
    refund: Literal["success", "fail", "unknown_then_success"] = "success"
    debit: Literal["success", "insufficient", "limit", "ended"] = "success"
    """What the next debit comes to; the one after it is as usual. `gateway` makes it unknown."""
    bill: Literal["right", "missing", "wrong_amount", "unknown_row"] = "right"
    delay_seconds: float | None = Field(default=None, ge=0)
