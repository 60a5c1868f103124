"""What every payment channel can do for us, and what may come of asking: one vocabulary for all vendors.

A call never raises for what a vendor says or fails to say; `NoAnswer` means that it may or may not have happened, and
that it is safe to repeat with the same number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import BinaryIO, Literal, Protocol

from functions.payments.models import Channel, Scene
from shared import clock
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Buyer:
    """What some channels want to know of who pays: where the browser goes afterwards, its address, who it is to WeChat."""

    return_url: str | None = None
    ip: str | None = None
    openid: str | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What the buyer is asked to pay, until `expires_at`."""

    payment_no: str
    order_no: str
    amount: Money
    subject: str
    scene: Scene
    expires_at: datetime
    buyer: Buyer = Buyer()


@dataclass(frozen=True, slots=True)
class Handover:
    """How the buyer gets to the vendor: an address, a text to draw as QR code, or parameters for its app."""

    pay_url: str | None = None
    qr_code: str | None = None
    app_params: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The money came in."""

    gateway_no: str
    amount: Money
    paid_at: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class Unpaid:
    """No money yet; the buyer may still pay."""

    status: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Takes no money any more. One the vendor never `saw` may still be scanned until it expires: ask once after that."""

    status: str
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Declined:
    """The vendor said that this call did nothing, and why, in its own code."""

    code: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """It may or may not have happened."""

    reason: str


@dataclass(frozen=True, slots=True)
class Repayment:
    """Money to give back of a payment of `total`; the same `refund_no` moves it once."""

    payment_no: str
    refund_no: str
    amount: Money
    reason: str
    total: Money
    gateway_no: str | None


@dataclass(frozen=True, slots=True)
class Repaid:
    """The money went back."""

    refunded_at: datetime | None
    gateway_no: str | None = None


@dataclass(frozen=True, slots=True)
class NotRepaid:
    """The vendor knows of no such refund: it never arrived, or it failed."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What arrived at a callback, and when: the body as sent, and those headers the channel's signature stands in, in
    lower case.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=clock.now)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer that tells a vendor its notice was taken in; anything else makes it come again."""

    text: str
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Notification:
    """A believed notice. `payment_no` is empty where the channel names the payment by `gateway_no` only.

    `refund_no` is set when it tells of money given back: `refunded` by this refund, or `refunded_total` by all of them.
    """

    notify_id: str
    payment_no: str
    state: Paid | Unpaid | Ended
    refund_no: str | None = None
    refunded: Money | None = None
    refunded_total: Money | None = None
    gateway_no: str | None = None
    transfer_no: str | None = None
    """Set when it tells of money that was sent out, which is not of payments."""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One payment or refund in a channel's bill of a day. `amount` is positive for both; `gateway_no` is the payment's.
    What the channel does not tell is None.
    """

    gateway_no: str
    payment_no: str | None
    refund_no: str | None
    kind: Literal["pay", "refund"]
    amount: Money
    fee: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class NotReady:
    """The bill of that day cannot be had now; ask again later."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoBill:
    """Nothing was traded that day, so the channel made no bill."""


class NotBelievedError(Exception):
    """A notice is not the vendor's word to us; the message says why."""


class Gateway(Protocol):
    """One channel of one merchant account. A notice taken in is answered with exactly `acknowledgement`;
    `signed_headers` are those its signature stands in or covers. A day of its bills begins at Beijing's midnight plus
    `day_begins`.
    """

    channel: Channel
    acknowledgement: Acknowledgement
    signed_headers: tuple[str, ...]
    day_begins: timedelta

    def create(self, bill: Bill) -> Handover | Declined | NoAnswer:
        """Prepare a payment; the same bill again is the same payment."""

    def query(self, payment_no: str) -> Paid | Unpaid | Ended | NoAnswer:
        """What became of a payment."""

    def close(self, payment_no: str) -> Ended | Declined | NoAnswer:
        """Stop a payment that was not made. Declined when it was: then `query` tells."""

    def refund(self, repayment: Repayment) -> Repaid | Declined | NoAnswer:
        """Give money back."""

    def refund_query(self, repayment: Repayment) -> Repaid | NotRepaid | NoAnswer:
        """What became of a refund."""

    def claimed_id(self, posted: Posted) -> str:
        """The id a notice gives itself, before anyone believes it; empty when it gives none."""

    def verify_notification(self, posted: Posted) -> Notification:
        """Read a notice if it is the vendor's and meant for us. Raises NotBelievedError."""

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """What the channel says of a day. Going through it raises ValueError, maybe only at the end, if it is not whole."""

    def read_bill(self, file: BinaryIO, day: date) -> Iterable[BillRow]:
        """The same out of a file that a person got from the channel. Raises ValueError likewise."""
