"""What a call to Alipay came to, and its answers in our types: Money, aware times, named statuses.

Each `read` takes the fields of a signed answer and raises KeyError or ValueError when one is missing or
unknown.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from shared.clock import SHANGHAI
from shared.money import Money

T = TypeVar("T")


@dataclass(frozen=True)
class Done(Generic[T]):
    """Alipay did it, or answered the question, and signed so."""

    value: T


@dataclass(frozen=True)
class Refused:
    """Alipay signed that this call did nothing. Branch on `sub_code`, never on the sentence.

    It speaks of this call only: one before it under the same number may have been done
    (ACQ.DISCORDANT_REPEAT_REQUEST, PAYMENT_INFO_INCONSISTENCY), which the query tells.
    """

    code: str
    sub_code: str
    sentence: str

    @property
    def throttled(self) -> bool:
        """Turned away at the entrance: nothing was looked at, the same call may be repeated later."""
        return self.code == "40005"


@dataclass(frozen=True)
class Unknown:
    """It may or may not have happened. Query first, then repeat with the same number and the same amount."""

    reason: str


Outcome = Done[T] | Refused | Unknown


class TradeStatus(StrEnum):
    """The states of a trade."""

    WAITING = "WAIT_BUYER_PAY"
    PAID = "TRADE_SUCCESS"
    FINISHED = "TRADE_FINISHED"  # paid, and no longer refundable
    CLOSED = "TRADE_CLOSED"  # never paid in time, or refunded in full


class TransferStatus(StrEnum):
    """The states of a transfer to a payee."""

    DEALING = "DEALING"
    SUCCEEDED = "SUCCESS"
    FAILED = "FAIL"
    RETURNED = "REFUND"  # it left and came back


@dataclass(frozen=True)
class Trade:
    """A trade as `alipay.trade.query` sees it."""

    trade_no: str
    out_trade_no: str
    status: TradeStatus
    total: Money
    paid_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From the answer of the query."""
        return cls(
            trade_no=said["trade_no"],
            out_trade_no=said["out_trade_no"],
            status=TradeStatus(said["trade_status"]),
            total=Money.from_yuan(said["total_amount"]),
            paid_at=optional_time(said.get("send_pay_date")),
        )


@dataclass(frozen=True)
class Closed:
    """The trade takes no payment any more.

    One that never `existed` was not scanned yet, and a code already shown may still be scanned until it
    expires: query once more after that.
    """

    existed: bool


@dataclass(frozen=True)
class Refund:
    """A refund call that was accepted.

    `moved_now` is False when this call moved no money, as on a repeat: then the refund query tells.
    `refunded_total` counts every refund of the trade.
    """

    trade_no: str
    out_trade_no: str
    moved_now: bool
    refunded_total: Money

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From the answer of the refund call."""
        return cls(
            trade_no=said["trade_no"],
            out_trade_no=said["out_trade_no"],
            moved_now=said.get("fund_change") == "Y",
            refunded_total=Money.from_yuan(said["refund_fee"]),
        )


@dataclass(frozen=True)
class RefundState:
    """A refund that went through, as the refund query sees it."""

    out_request_no: str
    amount: Money
    refunded_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self | None:
        """From the answer of the refund query; without a status there is no such refund."""
        if said.get("refund_status") != "REFUND_SUCCESS":
            return None
        return cls(
            out_request_no=said["out_request_no"],
            amount=Money.from_yuan(said["refund_amount"]),
            refunded_at=optional_time(said.get("gmt_refund_pay")),
        )


@dataclass(frozen=True)
class Transfer:
    """A transfer to a payee. `fail_code` and `fail_sentence` are set when it failed or came back."""

    out_biz_no: str
    order_id: str | None
    status: TransferStatus
    fail_code: str | None
    fail_sentence: str | None
    paid_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From the answer of the transfer or of its query."""
        return cls(
            out_biz_no=said["out_biz_no"],
            order_id=said.get("order_id") or None,
            status=TransferStatus(said["status"]),
            fail_code=said.get("error_code") or None,
            fail_sentence=said.get("fail_reason") or None,
            paid_at=optional_time(said.get("trans_date") or said.get("pay_date")),
        )


def beijing_time(text: str) -> datetime:
    """Read Alipay's `yyyy-MM-dd HH:mm:ss` (or `….SSS`), Beijing time, as an aware time. Raises ValueError."""
    return datetime.fromisoformat(text.strip()).replace(tzinfo=SHANGHAI)


def beijing_text(moment: datetime) -> str:
    """Write an aware time the way Alipay takes it."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def optional_time(text: str | None) -> datetime | None:
    """`beijing_time`, where a missing or empty value is None."""
    return beijing_time(text) if text else None
