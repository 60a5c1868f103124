"""Queries about debits for renewals, and the agreements they are made by."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from functions.payments.gateways.debits import Reason
from functions.payments.models import Channel, Order
from shared.sql.connection import Connection

Means = Literal["agreement", "balance"]


@dataclass(frozen=True, slots=True)
class Try:
    """One debit that was asked for. `payment_no` is the number its channel knows it by."""

    order_no: str
    try_no: int
    means: Means
    agreement_id: int | None
    payment_no: str | None
    status: Literal["open", "paid", "failed"]
    looks: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """What subscriptions publishes of an agreement; `agreement_no` is enveloped, bound to `external_no`."""

    channel: Channel
    external_no: str
    agreement_no: str | None
    status: str


def agreement(db: Connection, agreement_id: int | None) -> Agreement | None:
    """One agreement."""
    with db.cursor(row_factory=class_row(Agreement)) as cursor:
        return cursor.execute(
            """
            SELECT channel, external_no, agreement_no, status FROM subscriptions.pub_agreements WHERE agreement_id = %s
            """,
            (agreement_id,),
        ).fetchone()


def find(db: Connection, order_no: str, try_no: int) -> Try | None:
    """One try."""
    with db.cursor(row_factory=class_row(Try)) as cursor:
        return cursor.execute(
            """
            SELECT order_no, try_no, means, agreement_id, payment_no, status, looks, requested_at
            FROM payments.payment_debits WHERE order_no = %s AND try_no = %s
            """,
            (order_no, try_no),
        ).fetchone()


def is_one_open(db: Connection, order_no: str) -> bool:
    """Whether it is not known yet what became of a debit of this order."""
    row = db.execute("SELECT 1 FROM payments.payment_debits WHERE order_no = %s AND status = 'open'", (order_no,)).fetchone()
    return row is not None


def begin(db: Connection, order: Order, one: Try, *, channel: Channel, look_at: datetime, at: datetime) -> None:
    """Write a debit and its attempt before the channel is asked, the order being held."""
    db.execute(
        """
        WITH tried AS (
            INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, amount, currency, status,
                expires_at, created_at, updated_at)
            VALUES (%(payment_no)s, %(order_no)s, %(channel)s, 'renewal', %(amount)s, %(currency)s, 'created',
                %(expires_at)s, %(at)s, %(at)s)
        ), named AS (
            UPDATE payments.payment_orders SET channel = %(channel)s, updated_at = %(at)s WHERE order_no = %(order_no)s
        )
        INSERT INTO payments.payment_debits (order_no, try_no, means, agreement_id, payment_no, status, next_look_at,
            requested_at)
        VALUES (%(order_no)s, %(try_no)s, %(means)s, %(agreement_id)s, %(payment_no)s, 'open', %(look_at)s, %(at)s)
        """,
        {
            "payment_no": one.payment_no,
            "order_no": order.order_no,
            "channel": channel,
            "amount": order.payable_amount,
            "currency": order.currency,
            "expires_at": order.expires_at,
            "try_no": one.try_no,
            "means": one.means,
            "agreement_id": one.agreement_id,
            "look_at": look_at,
            "at": at,
        },
    )


def refuse(db: Connection, one: Try, reason: Reason, *, hard: bool, at: datetime) -> None:
    """Write a debit that no channel was asked for."""
    db.execute(
        """
        INSERT INTO payments.payment_debits (order_no, try_no, means, agreement_id, status, reason, hard, requested_at,
            finished_at)
        VALUES (%s, %s, %s, %s, 'failed', %s, %s, %s, %s)
        """,
        (one.order_no, one.try_no, one.means, one.agreement_id, reason, hard, at, at),
    )


def finish(
    db: Connection, one: Try, status: Literal["paid", "failed"], at: datetime, *, reason: Reason | None, hard: bool | None
) -> bool:
    """Write what became of an open debit; False when that was known."""
    row = db.execute(
        """
        UPDATE payments.payment_debits SET status = %s, reason = %s, hard = %s, next_look_at = NULL, finished_at = %s
        WHERE order_no = %s AND try_no = %s AND status = 'open' RETURNING 1
        """,
        (status, reason, hard, at, one.order_no, one.try_no),
    ).fetchone()
    return row is not None


def look_again(db: Connection, one: Try, look_at: datetime) -> None:
    """Set when the channel is asked again."""
    db.execute(
        """
        UPDATE payments.payment_debits SET next_look_at = %s, looks = looks + 1
        WHERE order_no = %s AND try_no = %s AND status = 'open'
        """,
        (look_at, one.order_no, one.try_no),
    )


def due(db: Connection, at: datetime, limit: int) -> list[Try]:
    """Open debits whose time to be asked about has come, the longest overdue first."""
    with db.cursor(row_factory=class_row(Try)) as cursor:
        return cursor.execute(
            """
            SELECT order_no, try_no, means, agreement_id, payment_no, status, looks, requested_at
            FROM payments.payment_debits WHERE status = 'open' AND next_look_at <= %s ORDER BY next_look_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()
