"""What invoices and statements receive and send."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.finance.store.statement_files import Format
from shared.http.envelope import In, Out
from shared.http.jobs import JobOut

InvoiceStatus = Literal["issuing", "issued", "failed", "void"]
_OrderNo = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z]+$")]
_Line = r"^[^\x00-\x1f\x7f]+$"


class InvoiceIn(In):
    """FIN-014; an order named twice counts once."""

    order_nos: Annotated[list[_OrderNo], Field(min_length=1, max_length=50)]
    title_type: Literal["personal", "company"]
    title: Annotated[str, Field(min_length=1, max_length=100, pattern=_Line)]
    tax_no: Annotated[str | None, Field(min_length=1, max_length=30)] = None
    email: Annotated[str | None, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$")] = (
        None
    )


class InvoiceOut(Out):
    """The contract's Invoice, and which one it takes back when it is red; amounts in fen, tax included."""

    invoice_id: int
    kind: Literal["blue", "red"]
    original_id: int | None
    invoice_no: str | None
    amount: int
    tax_amount: int
    title: str
    status: InvoiceStatus
    created_at: datetime


class InvoiceJobOut(JobOut):
    """FIN-014: the job, and the invoice as it is now."""

    invoice: InvoiceOut


class LinkOut(Out):
    """A link to a file, for so many seconds."""

    url: str
    expires_in: int


class ExportIn(In):
    """A statement as a file."""

    month: Annotated[str, Field(max_length=20)]
    format: Format
