"""Invoices issued: each step is its own transaction, judged by the row alone, so that it can be repeated after any crash.

The intention is committed before the provider is called, under our serial, which issues once. An outcome nobody knows is
asked for until it is known.
"""

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.finance import invoice as words
from functions.finance import models
from functions.finance.gateways import invoice_mail
from functions.finance.gateways.invoicing import Invoicing, Said
from functions.finance.invoice import Document, Invoice
from functions.finance.service import invoice_requests
from functions.finance.store import invoices as store
from shared import aws, clock, crypto, observe
from shared.dynamo.jobs import find_job
from shared.sql.connection import Connection, reading, transaction

Provider = Callable[[], Invoicing]
Draw = Callable[[Document, Invoice], bytes]
_AT_ONCE: Final = 100
_MAILED_WITHIN: Final = timedelta(days=1)
_PROGRESS: Final = {"number": 10, "send": 10, "ask": 30, "file": 60}


def work(invoice_id: int, provider: Provider, draw: Draw) -> None:
    """Take an invoice as far as it goes now, and then the red ones that waited for it."""
    _advance(invoice_id, provider, draw)
    with reading() as db:
        waiting = store.reds_to_issue(db, invoice_id)
    for red in waiting:
        _advance(red, provider, draw)


def sweep() -> int:
    """Queue every invoice whose time has come again; how many."""
    with reading() as db:
        due = store.due(db, clock.now(), _AT_ONCE)
    for invoice_id in due:
        invoice_requests.queue(invoice_id)
    return len(due)


def _advance(invoice_id: int, provider: Provider, draw: Draw) -> None:
    """One step after another until it ends, or has to wait."""
    going = True
    while going:
        with reading() as db:
            invoice = store.find(db, invoice_id)
        if invoice is None:
            observe.warn("no such invoice", invoice_id=invoice_id)
            return
        step = words.next_step(invoice)
        _tell(invoice, step)
        going = _take(invoice, step, provider, draw)


def _take(invoice: Invoice, step: words.Step, provider: Provider, draw: Draw) -> bool:
    """Take one step; True when the next can follow at once."""
    match step:
        case "number":
            return _number(invoice.invoice_id, None)
        case "send":
            return _send(invoice, provider())
        case "ask":
            return _ask(invoice, provider())
        case "file":
            return _file(invoice, provider, draw)
        case "mail":
            return _mail(invoice)
        case "drop":
            _drop(invoice)
        case "wait":
            _postpone(invoice)
        case "end":
            pass
    return False


def _number(invoice_id: int, said: Said | None) -> bool:
    with transaction() as db:
        number_in(db, invoice_id, said)
    return True


def number_in(db: Connection, invoice_id: int, said: Said | None) -> None:
    """Give an invoice its number, once: the one that the provider gave, else the platform's next.

    Taken last in the transaction, which alone may use it: rolled back, the number is the next one's.
    """
    invoice = store.lock(db, invoice_id)
    if invoice is None or invoice.status != "issuing" or invoice.invoice_no is not None:
        return
    now = clock.now()
    if said is not None and said.invoice_no is not None:
        store.number(db, invoice_id, said.invoice_no, said.issued_at or now, now)
        return
    year = models.shanghai_day(now).year
    store.number(db, invoice_id, words.own_number(year, store.take_number(db, words.SERIES, year)), now, now)


def _send(invoice: Invoice, provider: Invoicing) -> bool:
    document = document_of(invoice)
    _intend(invoice)
    return _heard(invoice, provider.issue(document))


def _ask(invoice: Invoice, provider: Invoicing) -> bool:
    """What became of the serial; one that never arrived is sent again, under itself."""
    _intend(invoice)
    said = provider.ask(invoice.serial)
    return _heard(invoice, provider.issue(document_of(invoice)) if said is None else said)


def _intend(invoice: Invoice) -> None:
    with transaction() as db:
        now = clock.now()
        store.intend(db, invoice.invoice_id, now + words.ask_again_after(invoice.calls), now)


def _heard(invoice: Invoice, said: Said) -> bool:
    """Write down what the provider said; True when there is something to do at once."""
    if said.status == "issued":
        return _number(invoice.invoice_id, said)
    if said.status == "open":
        return False
    with transaction() as db:
        now, row = clock.now(), store.lock(db, invoice.invoice_id)
        if row is None or words.next_step(row) not in {"send", "ask"}:
            return True
        again = words.send_again_after(row.refusals + 1) if said.status == "busy" else None
        if again is not None:
            store.refused(db, invoice.invoice_id, said.sentence, now + again, now)
            return False
        store.fail(db, invoice.invoice_id, said.sentence, now)
    observe.error("invoice was refused", invoice_id=invoice.invoice_id, kind=invoice.kind, sentence=said.sentence)
    return True


def _file(invoice: Invoice, provider: Provider, draw: Draw) -> bool:
    """Store the file under its serial and say that the invoice is issued. Written twice, it is the same file."""
    document = document_of(invoice)
    if invoice.provider == "platform":
        data: bytes | None = draw(document, invoice)
    else:
        _postpone(invoice)
        data = provider().fetch(invoice.serial)
    if data is None:
        return False
    aws.client("s3").put_object(
        Bucket=os.environ["BUCKET_DOCUMENTS"],
        Key=invoice.key,
        Body=data,
        ContentType="application/pdf",
        ContentDisposition=f'attachment; filename="{invoice.invoice_no}.pdf"',
    )
    with transaction() as db:
        row = store.lock(db, invoice.invoice_id)
        if row is None or row.status != "issuing":
            return True
        now = clock.now()
        store.issue(db, invoice.invoice_id, invoice.key, hashlib.sha256(data).hexdigest(), now)
        if invoice.original_id is not None:
            original = store.lock(db, invoice.original_id)
            if original is not None and store.taken_back(db, invoice.original_id) == original.amount:
                store.set_status(db, invoice.original_id, "void", now)
    return True


def _mail(invoice: Invoice) -> bool:
    """Tell the address that was given. A crash may tell it twice; what cannot be sent for a day is given up."""
    assert invoice.email is not None  # noqa: S101 - narrows the type: the step says so
    assert invoice.issued_at is not None  # noqa: S101 - likewise
    _postpone(invoice)
    address = crypto.decrypt(invoice.email, words.encryption_context(invoice.sealed_under))
    try:
        invoice_mail.send(address, invoice)
    except (BotoCoreError, ClientError) as error:
        observe.warn("invoice was not mailed", invoice_id=invoice.invoice_id, reason=type(error).__name__)
        if clock.now() - invoice.issued_at < _MAILED_WITHIN:
            return False
    with transaction() as db:
        store.mailed(db, invoice.invoice_id, clock.now())
    return True


def _drop(invoice: Invoice) -> None:
    """A red invoice whose original came to nothing takes nothing back."""
    with transaction() as db:
        store.set_status(db, invoice.invoice_id, "void", clock.now())


def _postpone(invoice: Invoice) -> None:
    with transaction() as db:
        now = clock.now()
        store.postpone(db, invoice.invoice_id, now + words.ask_again_after(invoice.calls), now)


def document_of(invoice: Invoice) -> Document:
    """Everything that stands on an invoice, in plain text."""
    with reading() as db:
        items = store.items(db, invoice)
    context = words.encryption_context(invoice.sealed_under)
    return Document(
        serial=invoice.serial,
        kind=invoice.kind,
        title_type=invoice.title_type,
        title=invoice.title,
        tax_no=None if invoice.tax_no is None else crypto.decrypt(invoice.tax_no, context),
        seller=invoice.seller,
        amount=invoice.amount,
        tax_amount=invoice.tax_amount,
        tax_rate_bp=invoice.tax_rate_bp,
        lines=words.lines(items, invoice.tax_rate_bp, invoice.before),
        original_no=invoice.original_no,
    )


def _tell(invoice: Invoice, step: words.Step) -> None:
    """Let the job of the request show how far it is; red invoices have none."""
    job = None if invoice.job_id is None else find_job(invoice.job_id)
    if job is None or job.finished is not None:
        return
    if step not in {"mail", "end"}:
        if job.status == "queued":
            job.begin()
        job.advance(_PROGRESS.get(step, 0))
    elif invoice.status == "failed":
        job.fail("invoice_failed", "the provider refused the invoice")
    else:
        job.succeed({"invoice_id": invoice.invoice_id})
