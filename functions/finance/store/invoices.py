"""Invoices, the orders in them, and their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.finance.invoice import Invoice, Item, Provider, TitleType
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Order:
    """An order of payments, as far as an invoice asks. `refunded` is what succeeded so far."""

    order_no: str
    title: str
    payable: int
    refunded: int
    paid: bool
    currency: str


@dataclass(frozen=True, slots=True)
class New:
    """A row to be: of an invoice asked for, or of the red one of a refund."""

    kind: str
    user_id: int
    items: Sequence[Item]
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
    next_try_at: datetime
    original_id: int | None = None
    refund_id: int | None = None
    reddened: int = 0


def orders_of(db: Connection, user_id: int, order_nos: Sequence[str]) -> dict[str, Order]:
    """A buyer's own orders by number."""
    rows = db.execute(
        """
        SELECT order_no, title, payable_amount, refunded_amount, paid_at IS NOT NULL, currency
        FROM payments.pub_orders WHERE order_no = ANY(%s) AND user_id = %s
        """,
        (list(order_nos), user_id),
    ).fetchall()
    return {row[0]: Order(*row) for row in rows}


def add(db: Connection, new: New, now: datetime) -> int | None:
    """Store an invoice; its id. None when the refund has its red invoice already."""
    row = db.execute(
        """
        INSERT INTO finance.invoices (kind, user_id, order_nos, amount, tax_rate_bp, tax_amount, title_type, title, tax_no,
            email, seller, provider, serial, job_id, status, next_try_at, original_id, refund_id, reddened, created_at,
            updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'issuing', %s, %s, %s, %s, %s, %s)
        ON CONFLICT (refund_id) DO NOTHING RETURNING invoice_id
        """,
        (
            new.kind,
            new.user_id,
            [item.order_no for item in new.items],
            sum(item.amount for item in new.items),
            new.tax_rate_bp,
            new.tax_amount,
            new.title_type,
            new.title,
            new.tax_no,
            new.email,
            Jsonb(new.seller),
            new.provider,
            new.serial,
            new.job_id,
            new.next_try_at,
            new.original_id,
            new.refund_id,
            new.reddened,
            now,
            now,
        ),
    ).fetchone()
    return None if row is None else int(row[0])


def add_orders(db: Connection, invoice_id: int, orders: Sequence[Order]) -> bool:
    """Put orders into an invoice; False when one of them is in another that is not void."""
    try:
        with db.transaction(), db.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO finance.invoice_orders (invoice_id, order_no, title, amount, refunded_before)
                VALUES (%s, %s, %s, %s, %s)
                """,
                [(invoice_id, one.order_no, one.title, one.payable - one.refunded, one.refunded) for one in orders],
            )
    except UniqueViolation:
        return False
    return True


_SELECT = """
    SELECT i.invoice_id, i.kind, i.user_id, i.amount, CASE i.kind WHEN 'red' THEN i.reddened ELSE 0 END AS before,
           i.tax_rate_bp, i.tax_amount, i.title_type, i.title, coalesce(o.tax_no, i.tax_no) AS tax_no, i.email, i.seller, i.provider,
           i.serial, i.job_id, i.status, i.invoice_no, i.issued_at, i.sent_at, i.mailed_at, i.calls, i.refusals, i.created_at,
           coalesce(o.serial, i.serial) AS sealed_under, i.original_id, o.invoice_no AS original_no,
           o.status AS original_status
    FROM finance.invoices i LEFT JOIN finance.invoices o ON o.invoice_id = i.original_id
"""


def find(db: Connection, invoice_id: int) -> Invoice | None:
    """An invoice."""
    return _one(db, _SELECT + " WHERE i.invoice_id = %s", (invoice_id,))


def lock(db: Connection, invoice_id: int) -> Invoice | None:
    """The same, nobody else changing it."""
    return _one(db, _SELECT + " WHERE i.invoice_id = %s FOR UPDATE OF i", (invoice_id,))


def holding(db: Connection, order_no: str) -> tuple[int, Item, int] | None:
    """The invoice an order is in, what it holds of it, and what had been refunded before; None when it is in none."""
    row = db.execute(
        "SELECT invoice_id, title, amount, refunded_before FROM finance.invoice_orders WHERE order_no = %s AND live",
        (order_no,),
    ).fetchone()
    return None if row is None else (row[0], Item(order_no, row[1], row[2]), row[3])


def items(db: Connection, invoice: Invoice) -> list[Item]:
    """What stands on an invoice, in the order of the numbers; on a red one what it takes back."""
    rows = db.execute(
        """
        SELECT n.order_no, o.title, CASE WHEN %(red)s THEN %(amount)s ELSE o.amount END
        FROM finance.invoices i CROSS JOIN unnest(i.order_nos) WITH ORDINALITY AS n(order_no, position)
        JOIN finance.invoice_orders o ON o.order_no = n.order_no AND o.invoice_id = coalesce(i.original_id, i.invoice_id)
        WHERE i.invoice_id = %(id)s ORDER BY n.position
        """,
        {"id": invoice.invoice_id, "red": invoice.kind == "red", "amount": invoice.amount},
    ).fetchall()
    return [Item(*row) for row in rows]


def take_number(db: Connection, series: str, year: int) -> int:
    """The next number of a series and year; the row stays locked until the caller's transaction ends."""
    row = db.execute(
        """
        INSERT INTO finance.invoice_counters AS c (series, year, last) VALUES (%s, %s, 1)
        ON CONFLICT (series, year) DO UPDATE SET last = c.last + 1 RETURNING last
        """,
        (series, year),
    ).fetchone()
    assert row is not None  # noqa: S101 - narrows the type: an upsert returns its row
    return int(row[0])


def number(db: Connection, invoice_id: int, invoice_no: str, issued_at: datetime, now: datetime) -> None:
    """Give an invoice its number."""
    db.execute(
        "UPDATE finance.invoices SET invoice_no = %s, issued_at = %s, updated_at = %s WHERE invoice_id = %s",
        (invoice_no, issued_at, now, invoice_id),
    )


def intend(db: Connection, invoice_id: int, again_at: datetime, now: datetime) -> None:
    """Remember that the provider is about to be called, before it is."""
    db.execute(
        """
        UPDATE finance.invoices SET sent_at = coalesce(sent_at, %(now)s), calls = calls + 1, next_try_at = %(again)s,
            updated_at = %(now)s WHERE invoice_id = %(id)s AND status = 'issuing'
        """,
        {"id": invoice_id, "again": again_at, "now": now},
    )


def postpone(db: Connection, invoice_id: int, again_at: datetime, now: datetime) -> None:
    """Look at it again later."""
    db.execute(
        """
        UPDATE finance.invoices SET calls = calls + 1, next_try_at = %s, updated_at = %s
        WHERE invoice_id = %s
        """,
        (again_at, now, invoice_id),
    )


def refused(db: Connection, invoice_id: int, sentence: str, again_at: datetime, now: datetime) -> None:
    """The provider proved that it did nothing and may do it later."""
    db.execute(
        """
        UPDATE finance.invoices SET sent_at = NULL, refusals = refusals + 1, failure = %s, next_try_at = %s, updated_at = %s
        WHERE invoice_id = %s
        """,
        (sentence, again_at, now, invoice_id),
    )


def fail(db: Connection, invoice_id: int, sentence: str, now: datetime) -> None:
    """It cannot be issued: its orders are free for another."""
    db.execute(
        "UPDATE finance.invoices SET status = 'failed', failure = %s, updated_at = %s WHERE invoice_id = %s",
        (sentence, now, invoice_id),
    )
    db.execute("UPDATE finance.invoice_orders SET live = false WHERE invoice_id = %s", (invoice_id,))


def set_status(db: Connection, invoice_id: int, status: str, now: datetime) -> None:
    """`void`, of one that nothing is left of."""
    db.execute("UPDATE finance.invoices SET status = %s, updated_at = %s WHERE invoice_id = %s", (status, now, invoice_id))


def issue(db: Connection, invoice_id: int, s3_key: str, sha256: str, now: datetime) -> None:
    """Its file is there."""
    db.execute(
        """
        UPDATE finance.invoices SET status = 'issued', s3_key = %s, sha256 = %s, failure = NULL, updated_at = %s
        WHERE invoice_id = %s
        """,
        (s3_key, sha256, now, invoice_id),
    )


def mailed(db: Connection, invoice_id: int, now: datetime) -> None:
    """Its address was told, or will not be."""
    db.execute("UPDATE finance.invoices SET mailed_at = %s, updated_at = %s WHERE invoice_id = %s", (now, now, invoice_id))


def redden(db: Connection, invoice_id: int, amount: int, now: datetime) -> None:
    """Count what another red invoice takes back."""
    db.execute(
        "UPDATE finance.invoices SET reddened = reddened + %s, updated_at = %s WHERE invoice_id = %s",
        (amount, now, invoice_id),
    )


def reddened(db: Connection, invoice_id: int) -> int:
    """What all red invoices of an invoice take back, issued or not."""
    row = db.execute("SELECT reddened FROM finance.invoices WHERE invoice_id = %s", (invoice_id,)).fetchone()
    return 0 if row is None else int(row[0])


def taken_back(db: Connection, invoice_id: int) -> int:
    """What issued red invoices take back of an invoice."""
    row = db.execute(
        "SELECT coalesce(-sum(amount), 0)::bigint FROM finance.invoices WHERE original_id = %s AND status = 'issued'",
        (invoice_id,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def reds_to_issue(db: Connection, original_id: int) -> list[int]:
    """The red invoices of an invoice that are not issued yet, the oldest first."""
    rows = db.execute(
        "SELECT invoice_id FROM finance.invoices WHERE original_id = %s AND status = 'issuing' ORDER BY invoice_id LIMIT 1000",
        (original_id,),
    ).fetchall()
    return [row[0] for row in rows]


def due(db: Connection, now: datetime, most: int) -> list[int]:
    """Invoices whose time has come again, the longest overdue first."""
    rows = db.execute(
        """
        SELECT invoice_id FROM finance.invoices
        WHERE (status = 'issuing' OR (status = 'issued' AND email IS NOT NULL AND mailed_at IS NULL)) AND next_try_at <= %s
        ORDER BY next_try_at LIMIT %s
        """,
        (now, most),
    ).fetchall()
    return [row[0] for row in rows]


def file_of(db: Connection, invoice_id: int) -> tuple[int, str | None] | None:
    """Whose an invoice is, and where its file lies: None until it is issued."""
    return db.execute("SELECT user_id, s3_key FROM finance.invoices WHERE invoice_id = %s", (invoice_id,)).fetchone()


def _one(db: Connection, statement: Any, parameters: tuple[object, ...]) -> Invoice | None:
    with db.cursor(row_factory=class_row(Invoice)) as cursor:
        return cursor.execute(statement, parameters).fetchone()
