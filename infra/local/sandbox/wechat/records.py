"""What the simulator remembers of payments and refunds, and how it may behave. Amounts in fen."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared import clock

TransferFate = Literal["confirm", "success", "dealing", "fail", "fail_later"]
RefundStatus = Literal["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]
_CONFIRM_WITHIN = timedelta(hours=24)
_FIRST_WITHIN = timedelta(hours=12)
_WAITING_DAYS = 2


class Trade(BaseModel):
    """An order the merchant sent."""

    out_trade_no: str
    attach: str
    kind: str
    code: str
    description: str
    total: int
    notify_url: str
    expires_at: datetime
    made_at: datetime
    paid: int = 0
    transaction_id: str | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    refunded: int = 0
    failed: str | None = None
    """Why a debit took nothing."""

    @property
    def state(self) -> Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED"]:
        """As the query tells it."""
        if self.paid_at is not None:
            return "REFUND" if self.refunded else "SUCCESS"
        return "CLOSED" if self.closed_at is not None or self.expires_at <= clock.now() else "NOTPAY"


class Refund(BaseModel):
    """Money given back, or on its way. `asked` counts the queries: one under way is made by the second."""

    out_refund_no: str
    refund_id: str
    out_trade_no: str
    amount: int
    status: RefundStatus
    notify_url: str
    made_at: datetime
    asked: int = 0


class Contract(BaseModel):
    """What a buyer was asked to agree to; `contract_id` is WeChat's number once they did."""

    contract_code: str
    serial: str
    account: str
    page: str
    notify_url: str
    made_at: datetime
    contract_id: str = ""
    signed_at: datetime | None = None
    ended_at: datetime | None = None
    mode: str = "0"
    debited: bool = False
    announced_at: datetime | None = None
    announced_amount: int = 0
    announced_days: int = 0

    def may_be_debited(self, amount: int, now: datetime) -> bool:
        """The first debit may follow the signing within 12 hours; others an announcement, from the third day on."""
        if not self.debited and self.signed_at is not None and now <= self.signed_at + _FIRST_WITHIN:
            return True
        if self.announced_at is None or amount > self.announced_amount:
            return False
        days = (now.astimezone(clock.SHANGHAI).date() - self.announced_at.astimezone(clock.SHANGHAI).date()).days
        return _WAITING_DAYS <= days < _WAITING_DAYS + self.announced_days


class Transfer(BaseModel):
    """What a merchant asked to be paid. `asked` counts the queries: what is under way is over by the second."""

    out_bill_no: str
    transfer_bill_no: str
    request: str
    openid: str
    amount: int
    notify_url: str
    fate: TransferFate
    made_at: datetime
    package: str
    name: str = ""
    asked: int = 0
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    told: bool = False

    @property
    def state(self) -> tuple[str, str]:
        """Now, with the reason of a failure."""
        if self.cancelled_at is not None:
            return "CANCELLED", ""
        if self.fate == "fail" or (self.fate == "fail_later" and self.asked > 1):
            return "FAIL", "NAME_NOT_CORRECT"
        if self.fate == "success" or self.confirmed_at is not None or (self.fate == "dealing" and self.asked > 1):
            return "SUCCESS", ""
        if self.fate in {"dealing", "fail_later"}:
            return "PROCESSING", ""
        return ("FAIL", "OVERDUE_CLOSE") if clock.now() >= self.made_at + _CONFIRM_WITHIN else ("WAIT_USER_CONFIRM", "")


class Behaviour(BaseModel):
    """How WeChat behaves. `delay_seconds` is the wait of whichever switch waits, on the product's clock."""

    model_config = ConfigDict(extra="forbid")

    notify: Literal[
        "normal", "late", "duplicate", "wrong_amount", "wrong_signature", "wrong_merchant", "probe", "stale", "silent"
    ] = "normal"
    gateway: Literal["up", "down", "slow", "unknown_once", "error", "wrong_signature"] = "up"
    refund: Literal["success", "processing", "abnormal", "closed", "fail", "unknown_then_success"] = "success"
    debit: Literal["success", "insufficient", "limit", "ended"] = "success"
    """What the next debit comes to; the one after it is as usual. `gateway` makes it unknown."""
    announcement: Literal["heard", "any_hour", "declined"] = "heard"
    """What comes of announcing a debit: heard from 7 to 22 o'clock of Beijing, or at any hour, or declined."""
    transfer: TransferFate | Literal["unknown", "lost", "refused", "poor"] = "confirm"
    """`confirm`: until the payee does, or a day is over. `unknown`, `lost`: the first answer, or call, gets lost."""
    signs_with: Literal["public_key", "certificate"] = "public_key"
    bill: Literal["right", "missing", "wrong_amount", "unknown_row"] = "right"
    delay_seconds: float | None = Field(default=None, ge=0)
