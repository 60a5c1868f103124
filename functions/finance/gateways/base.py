"""What a payout channel can do for us, and what may come of asking.

A call never raises for what a vendor says or fails to say. `open` means that the money may or may not have left: it is
safe to ask, and safe to send again under the same number, and under no other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from functions.finance.withdrawal import TransferStatus
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Payout:
    """Money to send out; the same `transfer_no` moves it once. `name` is compared with the account's owner."""

    transfer_no: str
    amount: Money
    account: str
    name: str
    remark: str
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a number. `failed` means that the vendor said so, and that no money left under it.

    `confirm` is JSON that the payee's client hands to the vendor's, while the number is open with the code CONFIRM.
    """

    status: TransferStatus
    gateway_no: str | None = None
    code: str | None = None
    sentence: str | None = None
    confirm: str | None = None


class Payouts(Protocol):
    """One channel of one merchant account."""

    def send(self, payout: Payout) -> Said:
        """Send the money, or learn what became of an earlier call under the number."""

    def ask(self, transfer_no: str) -> Said | None:
        """What became of a number. None: the vendor says that it never got it."""


Rails = Callable[[str], Payouts]
"""The channel of a method of withdrawal."""
