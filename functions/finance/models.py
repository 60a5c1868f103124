"""The words of finance and the rules true of one of them: accounts, days, entries, shares of a sale. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from shared.clock import SHANGHAI
from shared.money import Money, divide_half_even

PLATFORM: Final = 0
"""The seller of what the platform itself sells."""

Part = Literal["pending", "available", "frozen", "withdrawn"]
PARTS: Final[tuple[Part, ...]] = ("pending", "available", "frozen", "withdrawn")

INCOME: Final = "platform:income"
FEES: Final = "platform:fees"
PAYOUTS: Final = "platform:payouts"
_NOTHING: Final = Money(0)
MARKETING: Final = "platform:marketing"
"""What the platform's own discounts cost it."""


def creator_account(creator_id: int, part: Part) -> str:
    """The ledger account of one part of a creator's money."""
    return f"creator:{creator_id}:{part}"


def channel_account(channel: str) -> str:
    """The ledger account of what a payment channel holds for us (negative: see docs/ledger.md)."""
    return f"channel:{channel}"


def day_start(day: date) -> datetime:
    """Midnight in Shanghai, in which finance counts its days."""
    return datetime.combine(day, time(), SHANGHAI)


def day_end(day: date) -> datetime:
    """The midnight after a day."""
    return day_start(day) + timedelta(days=1)


def shanghai_day(moment: datetime) -> date:
    """The day of a moment in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


@dataclass(frozen=True, slots=True)
class Entry:
    """A business event of the ledger: `lines` maps accounts to what they are credited (debited when negative)."""

    reference: str
    kind: str
    ref_type: str
    ref_id: str
    at: datetime
    lines: Mapping[str, int]
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class Shares:
    """How a sale is divided; the three parts sum to `gross`, which the buyer paid but for the platform's `discount`."""

    gross: Money
    channel_fee: Money
    platform: Money
    creator: Money
    discount: Money = _NOTHING

    @property
    def charged(self) -> Money:
        """What the buyer paid."""
        return self.gross - self.discount

    @classmethod
    def of_sale(cls, charged: Money, *, fee_bp: int, rate_bp: int, discount: Money = _NOTHING) -> "Shares":
        """Fee half even, of what the channel carried; the creator's share of the rest rounded down, as if the platform's
        discount had been paid too; the platform takes what is left (rules.md §7).
        """
        gross, fee = charged + discount, charged.portion_bp(fee_bp)
        creator = (gross - fee).floor_bp(rate_bp)
        return cls(gross, fee, gross - fee - creator, creator, discount)

    def of_refund(self, refunded: Money) -> "Shares":
        """The shares in all that was given back to the buyer so far: each in proportion, none beyond its own, all at a full
        refund.

        The fee is split off first and the creator's share from what is left, so that no rounding overdraws a part.
        """
        charged, fee = self.charged.minor, self.channel_fee.minor
        fee_back = divide_half_even(fee * refunded.minor, charged) if charged else 0
        discount_back = divide_half_even(self.discount.minor * refunded.minor, charged) if charged else 0
        discount = Money(discount_back, refunded.currency)
        gross = refunded + discount
        rest, rest_back = self.gross.minor - fee, gross.minor - fee_back
        creator_back = divide_half_even(self.creator.minor * rest_back, rest) if rest else 0
        back = Money(fee_back, refunded.currency), Money(creator_back, refunded.currency)
        return Shares(gross, back[0], gross - back[0] - back[1], back[1], discount)

    def minus(self, other: "Shares") -> "Shares":
        """What this is more than another."""
        return Shares(
            self.gross - other.gross,
            self.channel_fee - other.channel_fee,
            self.platform - other.platform,
            self.creator - other.creator,
            self.discount - other.discount,
        )

    def credited(self, creator_id: int, channel: str) -> dict[str, int]:
        """The lines of a sale: from the channel, and the platform's marketing, to fee, platform and creator."""
        lines = {
            channel_account(channel): -self.charged.minor,
            FEES: self.channel_fee.minor,
            INCOME: self.platform.minor,
        }
        if self.discount.minor:
            lines[MARKETING] = -self.discount.minor
        if creator_id != PLATFORM:
            lines[creator_account(creator_id, "pending")] = self.creator.minor
        return lines

    def taken_back(self, creator_id: int, channel: str) -> dict[str, int]:
        """The lines of a refund: the same way back. After settlement too it is `pending` that pays, see docs/ledger.md."""
        return {account: -amount for account, amount in self.credited(creator_id, channel).items()}


@dataclass(frozen=True, slots=True)
class Earning:
    """A booked sale, with what was reversed of it."""

    earning_id: int
    creator_id: int
    order_no: str
    channel: str
    shares: Shares
    reversed: Shares
    settlement_id: int | None


@dataclass(frozen=True, slots=True)
class Reversal:
    """A refund that was heard and shall be booked."""

    refund_id: int
    amount: Money
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class Debt:
    """A reversal of a settled earning, still to be collected from the creator."""

    refund_id: int
    gross: int
    channel_fee: int
    platform_amount: int
    creator_amount: int
    day: date
