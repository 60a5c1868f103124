"""What the simulator remembers of payments and refunds, and how it may behave. Amounts in fen."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared import clock

RefundStatus = Literal["done", "open", "failed"]


class Trade(BaseModel):
    """An order a browser or our app brought. `code` is the address of its page, and the app's `tn`."""

    order_id: str
    txn_time: str
    reserved: str
    code: str
    channel: str
    total: int
    back_url: str
    front_url: str
    pay_until: datetime
    made_at: datetime
    query_id: str
    paid: int = 0
    paid_at: datetime | None = None
    failed: str | None = None
    refunded: int = 0

    @property
    def state(self) -> Literal["paid", "failed", "over", "waiting"]:
        """What became of it."""
        if self.paid_at is not None:
            return "paid"
        if self.failed is not None:
            return "failed"
        return "over" if self.pay_until <= clock.now() else "waiting"


class Refund(BaseModel):
    """Money given back, or on its way. `asked` counts the queries: one under way is made by the second."""

    order_id: str
    txn_time: str
    query_id: str
    original_query_id: str
    trade: str
    reserved: str
    amount: int
    status: RefundStatus
    back_url: str
    made_at: datetime
    asked: int = 0


class Behaviour(BaseModel):
    """How UnionPay behaves. `delay_seconds` is the wait of whichever switch waits, on the product's clock."""

    model_config = ConfigDict(extra="forbid")

    notify: Literal[
        "normal", "late", "duplicate", "wrong_amount", "wrong_signature", "wrong_chain", "wrong_signer", "expired_signer",
        "wrong_merchant", "silent",
    ] = "normal"  # fmt: skip
    gateway: Literal[
        "up", "down", "slow", "unknown_once", "error", "wrong_signature", "wrong_chain", "unsigned"
    ] = "up"  # fmt: skip
    refund: Literal["success", "processing", "fail", "failed_later", "unknown_then_success"] = "success"
    delay_seconds: float | None = Field(default=None, ge=0)
