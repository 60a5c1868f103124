"""Alipay's ways of writing things: yuan, Beijing time, ids, and the refusals of its methods."""

import re
import secrets
from datetime import datetime, timedelta

from infra.local.sandbox.controls import MOST_FEN, VendorDeclinesError
from shared import clock

_YUAN = re.compile(r"\d{1,9}(\.\d{1,2})?")
_SPAN = re.compile(r"(\d{1,4})([mhdc])")
_SECOND = "%Y-%m-%d %H:%M:%S"


class DeclinedError(VendorDeclinesError):
    """A method says no: a sub_code to branch on, and a sentence."""

    @property
    def sub_code(self) -> str:
        """What Alipay calls its code."""
        return self.code


def fen(text: object) -> int:
    """Read yuan with at most two decimals, 0.01 to 100000000. Raises DeclinedError."""
    if isinstance(text, str | int | float) and _YUAN.fullmatch(str(text)):
        whole, _, part = str(text).partition(".")
        amount = int(whole) * 100 + int(part.ljust(2, "0") or 0)
        if 0 < amount <= MOST_FEN:
            return amount
    raise DeclinedError("ACQ.INVALID_PARAMETER", "金额不合法")


def yuan(amount: int) -> str:
    """Write fen as yuan with two decimals."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def beijing(moment: datetime) -> str:
    """Write a moment as Beijing time."""
    return moment.astimezone(clock.SHANGHAI).strftime(_SECOND)


def beijing_millis(moment: datetime) -> str:
    """Write a moment as Beijing time with milliseconds, as `gmt_refund` has them."""
    return f"{beijing(moment)}.{moment.microsecond // 1000:03d}"


def moment(text: str) -> datetime:
    """Read Beijing time. Raises DeclinedError."""
    try:
        return datetime.strptime(text, _SECOND).replace(tzinfo=clock.SHANGHAI)
    except ValueError as error:
        raise DeclinedError("ACQ.INVALID_PARAMETER", "时间格式不合法") from error


def expiry(time_expire: str | None, timeout_express: str | None) -> datetime:
    """When an order can no longer be paid: a time, or a span (15 days by default). Raises DeclinedError."""
    if time_expire:
        return moment(time_expire)
    span = _SPAN.fullmatch(timeout_express or "15d")
    if span is None:
        raise DeclinedError("ACQ.INVALID_PARAMETER", "timeout_express 不合法")
    count, unit = int(span[1]), span[2]
    if unit == "c":  # the end of the day
        today = clock.now().astimezone(clock.SHANGHAI)
        return today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return clock.now() + count * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[unit]


def new_number(prefix: str = "") -> str:
    """A 28-digit number such as Alipay gives to trades."""
    day = clock.now().astimezone(clock.SHANGHAI).strftime("%Y%m%d")
    return prefix + day + "".join(secrets.choice("0123456789") for _ in range(20))
