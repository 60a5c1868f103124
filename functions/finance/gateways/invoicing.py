"""What a provider of invoices can do for us, and what may come of asking.

A call never raises for what a provider says or fails to say. `open` means that the invoice may or may not exist: it is
safe to ask, and safe to send again under the same serial, and under no other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from functions.finance.invoice import Document


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a serial. `refused` and `busy`: the provider proved that nothing was issued under it.

    A refusal is for good; `busy` may pass.
    """

    status: Literal["open", "issued", "refused", "busy"]
    invoice_no: str | None = None
    issued_at: datetime | None = None
    sentence: str = ""


class Invoicing(Protocol):
    """One provider, for one seller."""

    def issue(self, document: Document) -> Said:
        """Issue an invoice, blue or red, or learn what became of an earlier call under its serial."""

    def ask(self, serial: str) -> Said | None:
        """What became of a serial. None: the provider says that it never got it."""

    def fetch(self, serial: str) -> bytes | None:
        """The file of an issued invoice; None when it cannot be had now."""
