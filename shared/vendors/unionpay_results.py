"""UnionPay's answers in our types: Money, aware times, named states.

Each `read` takes the fields of a proved answer and raises KeyError or ValueError when one is missing or unknown.
"""

from calendar import isleap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn, Self

from shared.clock import SHANGHAI
from shared.money import Money

YUAN: Final = "156"
SUCCESS: Final = frozenset({"00", "A6"})
# The families UnionPay's own system answers with: nothing is known yet.
OPEN: Final = frozenset({f"0{last}" for last in range(1, 10)})
# The card was charged, but after the time to pay: what follows is told by notice or bill.
_CHARGED_LATE = "42"
_SECOND = "%Y%m%d%H%M%S"
_HALF_YEAR = timedelta(days=183)


class TradeState(StrEnum):
    """What became of a payment or refund."""

    DONE = "done"
    OPEN = "open"
    FAILED = "failed"

    @classmethod
    def of(cls, code: str) -> Self:
        """By the answer code of the transaction itself."""
        if code in SUCCESS:
            return cls("done")
        return cls("open") if code in OPEN or code == _CHARGED_LATE else cls("failed")


@dataclass(frozen=True)
class Trade:
    """A payment or refund, as query and notice tell it. `order_id` is the number of this very transaction.

    `original_query_id` is set on refunds; `reserved` is what we sent along with it.
    """

    order_id: str
    kind: str
    state: TradeState
    code: str
    query_id: str
    amount: Money | None
    done_at: datetime | None
    original_query_id: str
    reserved: str

    @classmethod
    def read(cls, said: Mapping[str, str], code: str) -> Self:
        """From a query or a notice; `code` is that of the transaction, not of the call."""
        state = TradeState.of(code)
        if said.get("currencyCode", YUAN) != YUAN:
            message = f"currency {said['currencyCode']}"
            raise ValueError(message)
        amount = said.get("txnAmt", "")
        if state is TradeState.DONE and not said["queryId"]:
            message = "no queryId"
            raise ValueError(message)
        if state is TradeState.DONE or amount:
            _digits(amount)
        return cls(
            order_id=said["orderId"],
            kind=said.get("txnType", ""),
            state=state,
            code=code,
            query_id=said.get("queryId", ""),
            amount=Money(int(amount)) if amount else None,
            done_at=trace_time(said.get("traceTime", ""), moment(said["txnTime"])) if state is TradeState.DONE else None,
            original_query_id=said.get("origQryId", ""),
            reserved=said.get("reqReserved", ""),
        )


def stamp(at: datetime) -> str:
    """A moment as UnionPay writes it: Beijing time, to the second."""
    return at.astimezone(SHANGHAI).strftime(_SECOND)


def moment(text: str) -> datetime:
    """Read one back. Raises ValueError."""
    return _at(int(text[:4]), text[4:]) if len(_digits(text)) == len("yyyyMMddHHmmss") else _nowhen(text)


def trace_time(text: str, near: datetime) -> datetime | None:
    """`MMDDhhmmss` of Beijing time in the year that brings it nearest to `near`; None when there is none.

    Raises ValueError.
    """
    if not text:
        return None
    if len(_digits(text)) != len("MMDDhhmmss"):
        _nowhen(text)
    year = near.astimezone(SHANGHAI).year
    for one in (year, year - 1, year + 1):
        # A leap day is one in some years only.
        if text[:4] == "0229" and not isleap(one):
            continue
        found = _at(one, text)
        if abs(found - near) <= _HALF_YEAR:
            return found
    return _nowhen(text)


def _at(year: int, text: str) -> datetime:
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(0, 10, 2))
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)


def _nowhen(text: str) -> NoReturn:
    message = f"no moment: {text}"
    raise ValueError(message)


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        message = "not a number"
        raise ValueError(message)
    return text
