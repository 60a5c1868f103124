"""Invoices: asked for by buyers, and their files."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query

from functions.finance import document_lists as lists
from functions.finance import links
from functions.finance.document_errors import (
    AlreadyInvoiced,
    InvoiceNotFound,
    InvoiceNotReady,
    OrderNotFound,
    OrderNotPaid,
    TaxNoRequired,
)
from functions.finance.document_schemas import InvoiceIn, InvoiceJobOut, InvoiceOut, InvoiceStatus, LinkOut
from functions.finance.service import invoice_requests
from functions.finance.service.invoice_requests import Title
from functions.finance.store import invoices as store
from shared import observe
from shared.http.app import BASE
from shared.http.auth import SignedIn, owned
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.jobs import job_out
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/invoices", tags=["finance"])


@router.post("/generate", status_code=202, responses=problems(OrderNotFound, OrderNotPaid, AlreadyInvoiced, TaxNoRequired))
async def generate_invoice(body: InvoiceIn, caller: SignedIn, db: Write, after: BackgroundTasks) -> Answer[InvoiceJobOut]:
    """Issue an invoice for own paid orders, in the background; it holds what was not refunded of them."""
    title = Title(body.title_type, body.title, body.tax_no, body.email)
    invoice, job = invoice_requests.generate(db, caller.uid, body.order_nos, title)
    after.add_task(_queue, invoice.invoice_id)
    fields = {name: getattr(invoice, name) for name in InvoiceOut.model_fields}
    shown = InvoiceOut.model_construct(**fields)
    return answer(InvoiceJobOut.model_construct(**dict(job_out(job)), invoice=shown))


@router.get("/list")
async def list_own_invoices(
    caller: SignedIn, db: Read, query: Paging, status: Annotated[InvoiceStatus | None, Query()] = None
) -> Answer[Page[InvoiceOut]]:
    """Own invoices, red ones with the one they take back; the latest first."""
    return answer(lists.INVOICES.page(db, query, {"user_id": caller.uid, "status": status}, lists.invoice))


@router.get("/download/{invoice_id:int}", responses=problems(InvoiceNotFound, InvoiceNotReady))
async def download_invoice(invoice_id: PathId, caller: SignedIn, db: Read) -> Answer[LinkOut]:
    """A link to the PDF of an own invoice, good for 300 s; a void one keeps its file."""
    found = store.file_of(db, invoice_id)
    _, key = owned(found, found[0] if found else None, caller, InvoiceNotFound)
    if key is None:
        raise InvoiceNotReady
    return answer(links.to(key))


async def _queue(invoice_id: int) -> None:
    """After the commit; what fails here, the sweeper does within minutes."""
    try:
        invoice_requests.queue(invoice_id)
    except Exception:  # noqa: BLE001 - the invoice is stored, the answer is out
        observe.error("invoice was not queued", invoice_id=invoice_id)
