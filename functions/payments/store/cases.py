"""Queries about open cases: money that needs a person."""

from datetime import datetime

from functions.payments.models import CaseKind, Channel
from shared.money import Money
from shared.sql.connection import Connection


def open_case(
    db: Connection,
    kind: CaseKind,
    reference: str,
    *,
    channel: Channel,
    order_no: str | None,
    gateway_no: str | None,
    amount: Money,
    at: datetime,
) -> bool:
    """Open a case about one payment or refund; True unless it was open already."""
    row = db.execute(
        """
        INSERT INTO payments.payment_cases (kind, reference, channel, order_no, gateway_no, amount, currency, opened_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (kind, reference) DO NOTHING RETURNING 1
        """,
        (kind, reference, channel, order_no, gateway_no, amount.minor, amount.currency, at),
    ).fetchone()
    return row is not None


def resolve(db: Connection, kind: CaseKind, reference: str, resolution: str, at: datetime) -> None:
    """Close a case that solved itself."""
    db.execute(
        """
        UPDATE payments.payment_cases SET status = 'resolved', resolution = %s, resolved_at = %s
        WHERE kind = %s AND reference = %s AND status = 'open'
        """,
        (resolution, at, kind, reference),
    )
