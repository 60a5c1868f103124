"""Queries about what differed between a channel's bill and us, and about how a person resolved it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from functions.payments.models import Channel
from shared.ids import derived_order_no
from shared.sql.connection import Connection

Action = Literal["accept_remote", "accept_local", "refund", "credit", "ignore"]
Kind = Literal["amount_diff", "missing_local", "missing_remote", "status_diff"]


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says holds, why, and when."""

    action: Action
    by: int
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One movement of money on which bill and books do not agree. Amounts are fen."""

    item_id: int
    reconciliation_id: int
    kind: Kind
    movement: Literal["pay", "refund"]
    reference: str
    order_no: str | None
    gateway_no: str | None
    local_amount: int | None
    remote_amount: int | None
    remote_at: datetime | None
    status: Literal["open", "resolved"]
    proposed_action: Action | None
    proposed_by: int | None
    resolution: Action | None
    outcome: str | None
    created_at: datetime

    @property
    def stake(self) -> int:
        """The larger of the two amounts."""
        return max(self.local_amount or 0, self.remote_amount or 0)

    @property
    def refund_no(self) -> str:
        """The number under which its money is given back, always the same."""
        return derived_order_no(f"reconciliation:{self.item_id}", self.created_at)


def find(db: Connection, reconciliation_id: int, item_id: int) -> Difference | None:
    """One difference of a run; hold the run first to rely on it."""
    with db.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(
            """
            SELECT item_id, reconciliation_id, kind, movement, reference, order_no, gateway_no, local_amount, remote_amount,
                   remote_at, status, proposed_action, proposed_by, resolution, outcome, created_at
            FROM payments.reconciliation_items WHERE item_id = %s AND reconciliation_id = %s
            """,
            (item_id, reconciliation_id),
        ).fetchone()


def propose(db: Connection, item_id: int, word: Word) -> None:
    """The first of two people wants this."""
    db.execute(
        """
        UPDATE payments.reconciliation_items SET proposed_action = %s, proposed_by = %s, comment = %s, updated_at = %s
        WHERE item_id = %s AND status = 'open'
        """,
        (word.action, word.by, word.comment, word.at, item_id),
    )


def resolve(db: Connection, item_id: int, word: Word, outcome: str) -> None:
    """A person said what holds, and this came of it."""
    db.execute(
        """
        UPDATE payments.reconciliation_items
        SET status = 'resolved', resolution = %(action)s, outcome = %(outcome)s, resolved_by = %(by)s,
            comment = concat_ws(E'\n', comment, %(comment)s::text), resolved_at = %(at)s, updated_at = %(at)s
        WHERE item_id = %(item_id)s AND status = 'open'
        """,
        {
            "action": word.action,
            "outcome": outcome,
            "by": word.by,
            "comment": word.comment,
            "at": word.at,
            "item_id": item_id,
        },
    )


def is_booked(db: Connection, order_no: str, channel: Channel, amount: int) -> bool:
    """Whether the ledger has the capture of an order with this amount."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM finance.pub_channel_movements
                       WHERE reference = 'capture:' || %s::text AND channel = %s AND amount = %s)
        """,
        (order_no, channel, amount),
    ).fetchone()
    return bool(row and row[0])


def refund_of(db: Connection, refund_no: str) -> tuple[int, str, int] | None:
    """Id, state and amount of a refund."""
    row = db.execute(
        "SELECT refund_id, status, amount FROM payments.payment_refunds WHERE refund_no = %s", (refund_no,)
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])
