"""What a vendor of withholding agreements can do for us, and what may come of asking.

A call never raises for what a vendor says or fails to say; `NoAnswer` means that it may or may not have happened, and that
it is safe to repeat.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from functions.subscriptions.agreements import AgreementChannel, Said


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscriber is asked to agree to. `external_no` is ours; `at` is when the offer was made. Amounts are fen."""

    agreement_id: int
    external_no: str
    user_id: int
    single_amount: int
    period_months: int
    debit_day: date | None
    at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """The agreement can be debited by, under the vendor's number."""

    agreement_no: str
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotInForce:
    """Nobody agreed, or it is over."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over, by this call or before it."""


@dataclass(frozen=True, slots=True)
class Announced:
    """The vendor knows of a debit that is to come, or need not."""


@dataclass(frozen=True, slots=True)
class NotAnnounced:
    """The vendor will not hear of it, also not later."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """It may or may not have happened."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgreementNotice:
    """A believed notice about an agreement."""

    external_no: str
    agreement_no: str
    said: Said
    at: datetime | None


class NotBelievedError(Exception):
    """A notice is not the vendor's word to us; the message says why."""


class AgreementGateway(Protocol):
    """One channel of one merchant account. A notice taken in is answered with exactly `acknowledgement`."""

    channel: AgreementChannel
    acknowledgement: str
    media_type: str

    def sign_url(self, terms: Terms) -> str:
        """The vendor's page on which the subscriber agrees; the same terms have the same address. Makes no call."""

    def query(self, external_no: str) -> InForce | NotInForce | NoAnswer:
        """What became of an agreement."""

    def unsign(self, external_no: str, agreement_no: str | None) -> Ended | NoAnswer:
        """End an agreement."""

    def announce(self, agreement_no: str, amount: int) -> Announced | NotAnnounced | NoAnswer:
        """Tell of a debit of at most `amount` fen that is to come."""

    def verify(self, body: bytes) -> AgreementNotice:
        """Read a notice if it is the vendor's and meant for us. Raises NotBelievedError."""
