"""Debits by agreement: what a channel can do, and what may come of it; one vocabulary for all vendors.

A call never raises for what a vendor says or fails to say; the same number again is the same debit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from functions.payments.gateways.base import NoAnswer, Paid
from functions.payments.models import Channel
from shared.money import Money

Reason = Literal["insufficient", "limit", "agreement_ended", "declined", "order_closed"]
"""Why a debit took no money, as `events.payments.DebitFailed` tells it."""


@dataclass(frozen=True, slots=True)
class Debit:
    """What is to be taken by an agreement, under our `payment_no`. `agreement_no` is the vendor's."""

    payment_no: str
    order_no: str
    amount: Money
    subject: str
    agreement_no: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """It took no money and never will under this number; `hard` when no other number helps either."""

    reason: Reason
    hard: bool
    code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The vendor has it, and will tell."""

    status: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """The vendor does not have it, or needs it repeated to tell more."""


class DebitGateway(Protocol):
    """One channel that debits by agreement."""

    channel: Channel

    def debit(self, debit: Debit) -> Paid | Waiting | Refused | NoAnswer:
        """Take the money, once per number."""

    def debit_query(self, payment_no: str) -> Paid | Waiting | Refused | Unsent | NoAnswer:
        """What became of it."""


Meaning = Mapping[str, tuple[Reason, bool]]


def refused(meaning: Meaning, code: str) -> Refused:
    """A vendor's refusal in our words; what we have no word for may be tried again."""
    reason, hard = meaning.get(code, ("declined", False))
    return Refused(reason, hard, code)


def _alipay() -> DebitGateway:
    from functions.payments.gateways.alipay_debits import AlipayDebits  # only who calls a vendor pays for its client

    return AlipayDebits.from_environment()


def _wechat() -> DebitGateway:
    from functions.payments.gateways.wechat_debits import WechatDebits

    return WechatDebits.from_environment()


_BUILDERS: dict[Channel, Callable[[], DebitGateway]] = {"alipay": _alipay, "wechat": _wechat}
_made: dict[Channel, DebitGateway] = {}


def debit_gateway(channel: Channel) -> DebitGateway:
    """Who debits for a channel. Raises KeyError for one that debits by no agreement."""
    if channel not in _made:
        _made[channel] = _BUILDERS[channel]()
    return _made[channel]


def use(made: DebitGateway | None) -> None:
    """Serve its channel by this one from now on; None: build them anew."""
    if made is None:
        _made.clear()
    else:
        _made[made.channel] = made
