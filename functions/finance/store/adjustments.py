"""Corrections of the books that people proposed, and what others decided about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Adjustment:
    """So much from one account into another."""

    adjustment_id: int
    currency: str
    from_account: str
    to_account: str
    amount: int
    status: Literal["proposed", "approved", "rejected"]
    proposed_by: int
    expires_at: datetime


def add(db: Connection, adjustment: Adjustment, reason: str, now: datetime) -> int:
    """Write a proposal down; its number."""
    rows = db.execute(
        """
        INSERT INTO finance.adjustments (currency, from_account, to_account, amount, status, reason, proposed_by, proposed_at,
            expires_at)
        VALUES (%s, %s, %s, %s, 'proposed', %s, %s, %s, %s) RETURNING adjustment_id
        """,
        (
            adjustment.currency,
            adjustment.from_account,
            adjustment.to_account,
            adjustment.amount,
            reason,
            adjustment.proposed_by,
            now,
            adjustment.expires_at,
        ),
    ).fetchall()
    return int(rows[0][0])


def lock(db: Connection, adjustment_id: int) -> Adjustment | None:
    """One proposal, held until the transaction ends."""
    with db.cursor(row_factory=class_row(Adjustment)) as cursor:
        return cursor.execute(
            """
            SELECT adjustment_id, currency, from_account, to_account, amount, status, proposed_by, expires_at
            FROM finance.adjustments WHERE adjustment_id = %s FOR UPDATE
            """,
            (adjustment_id,),
        ).fetchone()


def decide(db: Connection, adjustment_id: int, *, approved: bool, by: int, comment: str | None, now: datetime) -> None:
    """Write down what was decided."""
    db.execute(
        "UPDATE finance.adjustments SET status = %s, decided_by = %s, comment = %s, decided_at = %s WHERE adjustment_id = %s",
        ("approved" if approved else "rejected", by, comment, now, adjustment_id),
    )


def known(db: Connection, uid: int) -> bool:
    """Whether somebody of this number has an account with us."""
    return db.execute("SELECT 1 FROM identity.pub_profiles WHERE uid = %s", (uid,)).fetchone() is not None
