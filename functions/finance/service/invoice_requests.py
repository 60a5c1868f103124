"""Invoices asked for by buyers: what may stand on one, and the row and job that follow."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from functions.finance import invoice as words
from functions.finance.document_errors import AlreadyInvoiced, OrderNotFound, OrderNotPaid, TaxNoRequired
from functions.finance.invoice import Invoice, Item, TitleType
from functions.finance.store import earnings
from functions.finance.store import invoices as store
from functions.finance.tax_no import is_tax_no, normal
from shared import aws, clock, crypto
from shared.dynamo.jobs import JobItem, open_job
from shared.errors import ValidationFailed
from shared.ids import new_ulid
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

KIND: Final = "invoice"
_QUEUE_FIRST = timedelta(minutes=2)
"""How long the message of the request has before the sweeper looks for what was lost."""


@dataclass(frozen=True, slots=True)
class Title:
    """Whom an invoice is made out to."""

    kind: TitleType
    name: str
    tax_no: str | None
    email: str | None


def generate(db: Connection, user_id: int, order_nos: Sequence[str], title: Title) -> tuple[Invoice, JobItem]:
    """Ask for an invoice over own paid orders, less what was refunded of them.

    Raises OrderNotFound, OrderNotPaid (also for an order of which nothing is left), AlreadyInvoiced, TaxNoRequired, or
    ValidationFailed for a tax number that cannot be one.
    """
    tax_no = _checked(title)
    orders = _to_invoice(db, user_id, order_nos)
    now, serial, rate_bp = clock.now(), new_ulid(), tunable(db, "finance.tax_rate_bp")
    items = [Item(one.order_no, one.title, one.payable - one.refunded) for one in orders]
    context = words.encryption_context(serial)
    job_id = new_ulid()
    invoice_id = store.add(
        db,
        store.New(
            kind="blue",
            user_id=user_id,
            items=items,
            tax_rate_bp=rate_bp,
            tax_amount=words.tax_within(sum(item.amount for item in items), rate_bp),
            title_type=title.kind,
            title=title.name,
            tax_no=tax_no and crypto.encrypt(tax_no, context),
            email=title.email and crypto.encrypt(title.email, context),
            seller=tunable(db, "finance.invoice_seller"),
            provider=tunable(db, "finance.invoice_provider"),
            serial=serial,
            job_id=job_id,
            next_try_at=now + _QUEUE_FIRST,
        ),
        now,
    )
    assert invoice_id is not None  # noqa: S101 - narrows the type: only a refund can be known already
    if not store.add_orders(db, invoice_id, orders):
        raise AlreadyInvoiced
    job = open_job(user_id, KIND, {"invoice_id": invoice_id}, job_id)
    asked = store.find(db, invoice_id)
    assert asked is not None  # noqa: S101 - narrows the type: it was stored above
    return asked, job


def queue(invoice_id: int) -> None:
    """Have an invoice worked on now; what gets lost, the sweeper finds."""
    aws.client("sqs").send_message(
        QueueUrl=os.environ["QUEUE_INVOICE_JOBS"], MessageBody=json.dumps({"invoice_id": invoice_id})
    )


def _checked(title: Title) -> str | None:
    if title.kind == "personal":
        if title.tax_no is not None:
            raise ValidationFailed([{"field": "body.tax_no", "message": "only a company has one"}])
        return None
    if not title.tax_no:
        raise TaxNoRequired
    tax_no = normal(title.tax_no)
    if not is_tax_no(tax_no):
        raise ValidationFailed([{"field": "body.tax_no", "message": "is not a tax number: its check character is wrong"}])
    return tax_no


def _to_invoice(db: Connection, user_id: int, order_nos: Sequence[str]) -> list[store.Order]:
    """The orders, each locked against a refund that is heard meanwhile; what is read after that holds.

    A refund is committed with its fact. Heard before this lock, it shows in the order; heard after, it finds the invoice.
    """
    for order_no in sorted(set(order_nos)):
        earnings.lock_order(db, order_no)
    known = store.orders_of(db, user_id, order_nos)
    found = []
    for order_no in dict.fromkeys(order_nos):
        order = known.get(order_no)
        if order is None:
            raise OrderNotFound(order_no=order_no)
        if not order.paid or order.payable <= order.refunded or order.currency != "CNY":
            raise OrderNotPaid(order_no=order_no)
        if store.holding(db, order_no) is not None:
            raise AlreadyInvoiced(order_no=order_no)
        found.append(order)
    return found
