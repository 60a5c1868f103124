"""Payments that a channel took back, and what became of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from shared.sql.connection import Connection

Status = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Chargeback:
    """One dispute, by the number the channel gave it."""

    chargeback_id: int
    order_no: str
    creator_id: int
    channel: str
    case_no: str
    amount: int
    status: Status
    opened_by: int


def add(db: Connection, chargeback: Chargeback, reason: str, now: datetime) -> int | None:
    """Write a chargeback down; its number, None when the channel's case is known."""
    row = db.execute(
        """
        INSERT INTO finance.chargebacks (order_no, creator_id, channel, case_no, amount, status, reason, opened_by, opened_at)
        VALUES (%s, %s, %s, %s, %s, 'open', %s, %s, %s) ON CONFLICT (channel, case_no) DO NOTHING RETURNING chargeback_id
        """,
        (
            chargeback.order_no,
            chargeback.creator_id,
            chargeback.channel,
            chargeback.case_no,
            chargeback.amount,
            reason,
            chargeback.opened_by,
            now,
        ),
    ).fetchone()
    return None if row is None else int(row[0])


def disputed(db: Connection, order_no: str) -> int:
    """What open chargebacks hold of an order, in fen."""
    rows = db.execute(
        "SELECT coalesce(sum(amount), 0)::bigint FROM finance.chargebacks WHERE order_no = %s AND status = 'open'",
        (order_no,),
    ).fetchall()
    return int(rows[0][0])


def lock(db: Connection, chargeback_id: int) -> Chargeback | None:
    """One chargeback, held until the transaction ends."""
    with db.cursor(row_factory=class_row(Chargeback)) as cursor:
        return cursor.execute(
            """
            SELECT chargeback_id, order_no, creator_id, channel, case_no, amount, status, opened_by
            FROM finance.chargebacks WHERE chargeback_id = %s FOR UPDATE
            """,
            (chargeback_id,),
        ).fetchone()


def decide(db: Connection, chargeback_id: int, status: Status, by: int, comment: str | None, now: datetime) -> None:  # noqa: PLR0917 - a row's own columns
    """Write down how it ended."""
    db.execute(
        """
        UPDATE finance.chargebacks SET status = %s, decided_by = %s, comment = %s, decided_at = %s WHERE chargeback_id = %s
        """,
        (status, by, comment, now, chargeback_id),
    )
