"""WeChat Pay's answers in our types: Money, aware times, named states.

Each `read` takes the fields of a proved answer and raises KeyError or ValueError when one is missing or unknown.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from shared.money import Money


class TradeState(StrEnum):
    """The states of a payment."""

    SUCCESS = "SUCCESS"
    REFUND = "REFUND"  # paid, and something of it given back
    NOTPAY = "NOTPAY"
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    USERPAYING = "USERPAYING"
    PAYERROR = "PAYERROR"


class RefundState(StrEnum):
    """The states of a refund; `ABNORMAL` waits for a person at the merchant's console."""

    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"
    PROCESSING = "PROCESSING"
    ABNORMAL = "ABNORMAL"


@dataclass(frozen=True)
class Trade:
    """A payment as the query and the notice tell it."""

    mchid: str
    appid: str
    out_trade_no: str
    state: TradeState
    transaction_id: str | None
    total: Money | None
    paid_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From a transaction."""
        amount = said.get("amount")
        return cls(
            mchid=said["mchid"],
            appid=said["appid"],
            out_trade_no=said["out_trade_no"],
            state=TradeState(said["trade_state"]),
            transaction_id=said.get("transaction_id") or None,
            total=_money(amount["total"], amount) if amount else None,
            paid_at=moment(said.get("success_time")),
        )


@dataclass(frozen=True)
class Refund:
    """A refund as the call, the query and the notice tell it."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    state: RefundState
    amount: Money
    refunded_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From a refund; a notice calls its state `refund_status`."""
        return cls(
            out_refund_no=said["out_refund_no"],
            out_trade_no=said["out_trade_no"],
            refund_id=said["refund_id"],
            state=RefundState(said.get("status") or said["refund_status"]),
            amount=_money(said["amount"]["refund"], said["amount"]),
            refunded_at=moment(said.get("success_time")),
        )


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time; None when there is none."""
    return datetime.fromisoformat(text) if text else None


def _money(fen: Any, amount: dict[str, Any]) -> Money:
    return Money(fen, amount.get("currency", "CNY"))
