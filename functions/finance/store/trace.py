"""From a figure to its entries: which are behind an order, a payout, an invoice, a month; and what proves each of them."""

from datetime import date
from typing import Any, Final, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from functions.finance import models
from shared.sql.connection import Connection

_OF: Final[LiteralString] = "e.ref_type = %(kind)s AND e.ref_id = %(id)s"
_WHICH: Final[dict[str, LiteralString]] = {
    "order": _OF,
    "chargeback": _OF,
    "settlement": _OF,
    "withdrawal": _OF,
    "adjustment": _OF,
    "exchange": _OF,
    "refund": "e.reference IN ('refund:' || %(id)s, 'balance:refund:' || %(id)s)",
    "invoice": """e.entry_id IN (
        SELECT o.entry_id FROM finance.invoices i
        JOIN finance.ledger_entries o ON o.ref_type = 'order' AND o.ref_id = ANY (i.order_nos)
        WHERE i.invoice_id::text = %(id)s AND i.kind = 'blue'
        UNION SELECT r.entry_id FROM finance.invoices i
        JOIN finance.ledger_entries r ON r.reference = 'refund:' || i.refund_id WHERE i.invoice_id::text = %(id)s)""",
    "statement": """e.entry_id IN (
        SELECT p.entry_id FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        WHERE a.name = ANY(%(accounts)s) AND a.currency = 'CNY' AND p.at >= %(since)s AND p.at < %(until)s)""",
    "report": """e.entry_id IN (
        SELECT p.entry_id FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        WHERE a.kind = 'platform' AND p.at >= %(since)s AND p.at < %(until)s)""",
}
_ENTRY: Final[LiteralString] = """
SELECT e.entry_id, e.reference, e.kind, e.ref_type, e.ref_id, e.currency, e.at, l.lines,
       s.seq, encode(s.hash, 'hex') AS hash, s.block_no, encode(b.hash, 'hex') AS block_hash, b.sealed_at
FROM finance.ledger_entries e
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('account', a.name, 'amount', p.amount, 'balance_after', p.balance_after)
                     ORDER BY a.account_id) AS lines
    FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id) WHERE p.entry_id = e.entry_id
) l
LEFT JOIN finance.ledger_seals s ON s.id = e.entry_id
LEFT JOIN finance.ledger_blocks b ON b.log = 'ledger' AND b.block_no = s.block_no
"""
MEMBERS: Final = r"^[A-Za-z0-9._-]{1,64}$"
"""How a thing is named that has entries of its own."""
MONTH: Final = r"^([1-9]\d{0,18}):(2\d{3})-(0[1-9]|1[0-2])$"
"""How a statement is named: its creator and month."""
DAYS: Final = r"^(2\d{3}-\d{2}-\d{2}):(2\d{3}-\d{2}-\d{2})$"
"""How a report is named: its first and its last day."""


def entry(db: Connection, entry_id: int) -> dict[str, Any] | None:
    """One entry with its lines, and its seal once it has one."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_ENTRY + " WHERE e.entry_id = %s", (entry_id,)).fetchone()


def entries(db: Connection, kind: str, scope: dict[str, object], after: int, most: int) -> list[dict[str, Any]]:
    """The entries behind a figure, in the order they were booked, from one on."""
    statement = sql.SQL(_ENTRY + " WHERE {which} AND e.entry_id > %(after)s ORDER BY e.entry_id LIMIT %(most)s").format(
        which=sql.SQL(_WHICH[kind])
    )
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, scope | {"after": after, "most": most}).fetchall()


def sums(db: Connection, kind: str, scope: dict[str, object]) -> list[dict[str, Any]]:
    """What all of them moved, by account."""
    statement = sql.SQL(
        """
        SELECT a.name AS account, a.currency, sum(p.amount)::bigint AS amount
        FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
        JOIN finance.ledger_accounts a USING (account_id) WHERE {which} GROUP BY a.account_id ORDER BY a.name, a.currency
        """
    ).format(which=sql.SQL(_WHICH[kind]))
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, scope).fetchall()


def month_scope(creator_id: int, first: date, following: date) -> dict[str, object]:
    """Parameters of a creator's statement."""
    accounts = [models.creator_account(creator_id, part) for part in ("pending", "available", "frozen")]
    return {"accounts": accounts, "since": models.day_start(first), "until": models.day_start(following)}


def days_scope(first: date, last: date) -> dict[str, object]:
    """Parameters of a report on days in Shanghai, both included."""
    return {"since": models.day_start(first), "until": models.day_end(last)}


def account_id(db: Connection, name: str, currency: str) -> int | None:
    """The number of an account that was ever used."""
    row = db.execute(
        "SELECT account_id FROM finance.ledger_accounts WHERE name = %s AND currency = %s", (name, currency)
    ).fetchone()
    return None if row is None else int(row[0])
