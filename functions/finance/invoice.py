"""Invoices: their words, their tax, and what one needs next. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from shared.money import BASIS_POINTS, divide_half_even

Kind = Literal["blue", "red"]
TitleType = Literal["personal", "company"]
Status = Literal["issuing", "issued", "failed", "void"]
Provider = Literal["platform", "einvoice"]
Step = Literal["number", "send", "ask", "file", "mail", "wait", "drop", "end"]

SERIES: Final = "FP"
"""Of the platform's own numbers; red and blue share it, as they do in a book of invoices."""
MAX_RETRIES: Final = 3
_RETRY_SECONDS: Final = (60, 300, 900)
_ASK_SECONDS: Final = (10, 30, 60, 120, 300, 600, 1800, 3600)


def tax_within(amount: int, rate_bp: int) -> int:
    """The tax in an amount that includes it: amount × rate ÷ (1 + rate), to the fen.

    Half even, which no rate in force ever meets: with 6, 9 or 13 % the reduced divisor is odd.
    """
    return divide_half_even(amount * rate_bp, BASIS_POINTS + rate_bp)


def tax_of_part(before: int, part: int, rate_bp: int) -> int:
    """The tax in the next `part` of an amount of which `before` came already: parts sum to the tax of the whole."""
    return tax_within(before + part, rate_bp) - tax_within(before, rate_bp)


def own_number(year: int, position: int) -> str:
    """The platform's number of the n-th invoice of a year."""
    return f"{SERIES}{year}{position:08d}"


@dataclass(frozen=True, slots=True)
class Item:
    """What is invoiced of one order, or taken back of it (then below zero). Tax is included."""

    order_no: str
    title: str
    amount: int


@dataclass(frozen=True, slots=True)
class Line:
    """An item with its tax split off."""

    item: Item
    net: int
    tax: int


def lines(items: Sequence[Item], rate_bp: int, before: int = 0) -> list[Line]:
    """Each item with its tax split off; the taxes sum to that of the whole. `before`: what was taken back earlier."""
    found, came = [], before
    for item in items:
        part = abs(item.amount)
        tax = tax_of_part(came, part, rate_bp) * (1 if item.amount > 0 else -1)
        came += part
        found.append(Line(item, item.amount - tax, tax))
    return found


@dataclass(frozen=True, slots=True)
class Invoice:
    """A row, as the work on it needs it. `before` is what earlier red invoices took back of the same original."""

    invoice_id: int
    kind: Kind
    user_id: int
    amount: int
    before: int
    tax_rate_bp: int
    tax_amount: int
    title_type: TitleType
    title: str
    tax_no: str | None
    email: str | None
    seller: dict[str, Any]
    provider: Provider
    serial: str
    job_id: str | None
    status: Status
    invoice_no: str | None
    issued_at: datetime | None
    sent_at: datetime | None
    mailed_at: datetime | None
    calls: int
    refusals: int
    created_at: datetime
    sealed_under: str
    """The serial that the tax number is bound to: a red invoice has that of its original."""
    original_id: int | None
    original_no: str | None
    original_status: Status | None

    @property
    def key(self) -> str:
        """Where its file lies."""
        return f"invoices/{self.user_id}/{self.serial}.pdf"


def encryption_context(serial: str) -> dict[str, str]:
    """What the tax number and the address of an invoice are bound to."""
    return {"table": "invoices", "serial": serial}


def next_step(invoice: Invoice) -> Step:
    """What an invoice needs next, judged by its row alone.

    A number once taken is never given up: from then on only the file is missing. A red invoice waits for its original.
    """
    if invoice.status != "issuing":
        tells = invoice.status == "issued" and invoice.email is not None and invoice.mailed_at is None
        return "mail" if tells else "end"
    if invoice.invoice_no is not None:
        return "file"
    if invoice.kind == "red" and invoice.original_status == "failed":
        return "drop"
    if invoice.kind == "red" and invoice.original_status == "issuing":
        return "wait"
    if invoice.provider == "platform":
        return "number"
    return "send" if invoice.sent_at is None else "ask"


def ask_again_after(calls: int) -> timedelta:
    """How long to wait before the provider is asked again about a serial."""
    return timedelta(seconds=_ASK_SECONDS[min(calls, len(_ASK_SECONDS) - 1)])


def send_again_after(refusals: int) -> timedelta | None:
    """How long to wait after a refusal that may pass; None when three retries were made."""
    return timedelta(seconds=_RETRY_SECONDS[refusals - 1]) if refusals <= MAX_RETRIES else None


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice ready to be sent or drawn: everything in plain text."""

    serial: str
    kind: Kind
    title_type: TitleType
    title: str
    tax_no: str | None
    seller: dict[str, Any]
    amount: int
    tax_amount: int
    tax_rate_bp: int
    lines: Sequence[Line]
    original_no: str | None
