"""Shapes of setting values: strict, bounded, and the same after a round through JSON. Sentences are `zh|en`."""

import re
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool

_DUPLICATES = "不能有重复项|must not name anything twice"
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_CRON_FIELD = r"(?:\*|[0-9]{1,2}(?:-[0-9]{1,2})?(?:,[0-9]{1,2}(?:-[0-9]{1,2})?)*)(?:/[0-9]{1,2})?"

Truth = StrictBool


def whole(low: int, high: int) -> Any:
    """A whole number between two bounds, both included; `true` and `1.0` are none."""
    return Annotated[int, Field(strict=True, ge=low, le=high)]


def decimal(low: str, high: str, places: int) -> Any:
    """A decimal number, sent as string or number and kept as string."""
    return Annotated[Exact, Field(ge=Decimal(low), le=Decimal(high), decimal_places=places)]


def _exact(value: object) -> Decimal:
    try:
        number = Decimal("NaN" if isinstance(value, bool) else str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("必须是数字|must be a number")
    return number


Exact = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(lambda number: format(number, "f"), return_type=str)]


def _unique(values: list[Any]) -> list[Any]:
    if len({str(value) for value in values}) != len(values):
        raise ValueError(_DUPLICATES)
    return values


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError("不是网络地址|is not a network address") from error


def _host(text: str) -> str:
    if not _HOST.fullmatch(text.lower()):
        raise ValueError("不是域名|is not a host name")
    return text.lower()


def _rising(days: list[int]) -> list[int]:
    if days != sorted(set(days)):
        raise ValueError("必须递增|must rise")
    return days


def _cron(text: str) -> str:
    fields = text.split()
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    if len(fields) != len(bounds) or not all(
        re.fullmatch(_CRON_FIELD, field) and all(low <= int(n) <= high for n in re.findall(r"\d+", field.partition("/")[0]))
        for field, (low, high) in zip(fields, bounds, strict=True)
    ):
        raise ValueError("须为五段 cron 表达式|must be a cron expression of five fields")
    return " ".join(fields)


_Text = Annotated[str, Field(strict=True, min_length=1, max_length=253)]
_Blocks = Annotated[int, Field(strict=True, ge=1, le=1000)]
_Usdt = Literal["TRC20", "ERC20", "BEP20"]

Networks = Annotated[list[Annotated[_Text, AfterValidator(_network)]], Field(max_length=100), AfterValidator(_unique)]
Hosts = Annotated[list[Annotated[_Text, AfterValidator(_host)]], Field(max_length=100), AfterValidator(_unique)]
Channels = Annotated[list[Literal["alipay", "wechat", "unionpay", "usdt"]], Field(min_length=1), AfterValidator(_unique)]
UsdtNetworks = Annotated[list[_Usdt], Field(min_length=1), AfterValidator(_unique)]
Locales = Annotated[list[Literal["zh-CN", "en"]], Field(min_length=1), AfterValidator(_unique)]
RetryDays = Annotated[list[Annotated[int, Field(strict=True, ge=1, le=60)]], Field(max_length=10), AfterValidator(_rising)]
Cron = Annotated[_Text, AfterValidator(_cron)]
Region = Annotated[str, Field(strict=True, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Flag(_Strict):
    """A feature for so many percent of the users, chosen by their hash."""

    enabled: bool
    percent: Annotated[int, Field(ge=0, le=100)]


class Quota(_Strict):
    """Calls a day for each membership level."""

    free: Annotated[int, Field(ge=0, le=10**6)]
    basic: Annotated[int, Field(ge=0, le=10**6)]
    premium: Annotated[int, Field(ge=0, le=10**6)]
    professional: Annotated[int, Field(ge=0, le=10**6)]


class _Fee(_Strict):
    """So many basis points of the amount, and so many fen."""

    bp: Annotated[int, Field(ge=0, le=5_000)]
    fixed: Annotated[int, Field(ge=0, le=100_000)]


class PayoutFees(_Strict):
    """What a payout costs its creator, by method."""

    alipay: _Fee
    wechat: _Fee
    bank: _Fee
    usdt: _Fee


class InvoiceSeller(_Strict):
    """Who the platform is on its invoices; what is empty is not printed."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    tax_no: Annotated[str, Field(max_length=20)]
    address: Annotated[str, Field(max_length=200)]
    bank: Annotated[str, Field(max_length=200)]


InvoiceProvider = Literal["platform", "einvoice"]


class _Price(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: Annotated[Exact, Field(ge=0, le=10_000, decimal_places=6)]
    output: Annotated[Exact, Field(ge=0, le=10_000, decimal_places=6)]


class _Band(BaseModel):
    """From this amount of USDT on, so many confirmations."""

    model_config = ConfigDict(extra="forbid")

    from_amount: Annotated[Exact, Field(ge=0, le=10**9, decimal_places=8)]
    confirmations: _Blocks


Prices = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,99}$")], _Price], Field(min_length=1, max_length=50)
]
Confirmations = dict[_Usdt, _Blocks | Annotated[list[_Band], Field(min_length=1, max_length=10)]]
