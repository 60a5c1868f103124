"""The list of invoices."""

from typing import Any

from functions.finance.document_schemas import InvoiceOut
from shared.sql.listing import Listing

INVOICES: Listing[InvoiceOut] = Listing(
    columns="i.invoice_id, i.kind, i.original_id, i.invoice_no, i.amount, i.tax_amount, i.title, i.status, i.created_at",
    source="finance.invoices i",
    key=("invoice_id", "i.invoice_id"),
    sorts={"created_at": "i.created_at", "amount": "i.amount"},
    default_sort="created_at",
    filters={"user_id": "i.user_id = %(user_id)s", "status": "i.status = %(status)s"},
)


def invoice(row: dict[str, Any]) -> InvoiceOut:
    """One invoice."""
    return InvoiceOut.model_construct(**{name: row[name] for name in InvoiceOut.model_fields})
