"""Holds in the ledger: an amount set aside, then posted, voided or expired, once."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime

from functions.finance.store.ledger import array, covered
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount that goes from an account into another, where it waits; its entries are `{reference}:hold` and `:outcome`.

    Without `expires_at`, whoever holds must end it.
    """

    reference: str
    kind: str
    ref_type: str
    ref_id: str
    at: datetime
    currency: str
    account: str
    held_in: str
    amount: int
    expires_at: datetime | None = None


def place(db: Connection, hold: Hold) -> int:
    """Set aside, once: the same again does nothing. What is left on the account. Raises InsufficientBalance."""
    with covered():
        rows = db.execute("SELECT finance.hold(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", astuple(hold)).fetchall()
    return int(rows[0][0])


def post(db: Connection, reference: str, lines: Mapping[str, int], at: datetime) -> None:
    """End a hold by crediting `lines`; what they do not sum up to goes back. The database refuses it of one that ended
    otherwise (LG002) or ran out (LG004).
    """
    moved = {account: amount for account, amount in lines.items() if amount}
    db.execute("SELECT finance.post_hold(%s, %s, %s, %s)", (reference, at, array(moved), array(moved.values())))


def void(db: Connection, reference: str, at: datetime) -> None:
    """End a hold by giving all of it back; refused as in `post`, but never for being late."""
    db.execute("SELECT finance.void_hold(%s, %s)", (reference, at))


def expire(db: Connection, reference: str, at: datetime) -> None:
    """End a hold whose time has come by giving all of it back; refused before (LG004)."""
    db.execute("SELECT finance.expire_hold(%s, %s)", (reference, at))


def overdue(db: Connection, at: datetime, most: int = 500) -> list[str]:
    """Open holds whose time has come, the longest overdue first."""
    rows = db.execute(
        "SELECT reference FROM finance.holds WHERE status = 'open' AND expires_at <= %s ORDER BY expires_at LIMIT %s",
        (at, most),
    ).fetchall()
    return [reference for (reference,) in rows]
