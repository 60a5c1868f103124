"""Red invoices: what is refunded of an invoiced order is taken back by an invoice of its own, once for each refund."""

from events.payments import RefundSucceeded
from functions.finance import invoice as words
from functions.finance.invoice import Item
from functions.finance.store import earnings
from functions.finance.store import invoices as store
from shared import clock, observe
from shared.ids import new_ulid
from shared.sql.connection import Connection


def hear_refund(db: Connection, fact: RefundSucceeded) -> None:
    """Ask for the red invoice of a refund; it waits while its original is being issued.

    What had been refunded before the order was invoiced is not in the invoice, so it is not taken back either.
    """
    earnings.lock_order(db, fact.order_no)
    held = store.holding(db, fact.order_no)
    if held is None or fact.refunded_total <= held[2]:
        return
    original_id, item, _ = held
    original = store.lock(db, original_id)
    assert original is not None  # noqa: S101 - narrows the type: its orders refer to it
    if original.status == "failed":
        return
    now, before = clock.now(), store.reddened(db, original_id)
    tax = words.tax_of_part(before, fact.amount, original.tax_rate_bp)
    added = store.add(
        db,
        store.New(
            kind="red",
            user_id=original.user_id,
            items=[Item(fact.order_no, item.title, -fact.amount)],
            tax_rate_bp=original.tax_rate_bp,
            tax_amount=-tax,
            title_type=original.title_type,
            title=original.title,
            tax_no=None,
            email=None,
            seller=original.seller,
            provider=original.provider,
            serial=new_ulid(),
            job_id=None,
            next_try_at=now,
            original_id=original_id,
            refund_id=fact.refund_id,
            reddened=before,
        ),
        now,
    )
    if added is None:
        observe.warn("red invoice is asked for already", refund_id=fact.refund_id)
        return
    store.redden(db, original_id, fact.amount, now)
