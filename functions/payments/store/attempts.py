"""Queries about attempts to pay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from functions.payments.models import QUERY_LADDER, Attempt, Channel, Order, OrderStatus, Scene
from shared.sql.connection import Connection


def start(
    db: Connection,
    order: Order,
    payment_no: str,
    *,
    channel: Channel,
    scene: Scene,
    at: datetime,
    ip: str | None = None,
) -> Attempt:
    """The live attempt of an order that is held, for one channel and scene: a new one unless there is one."""
    with db.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(
            """
            WITH named AS (
                UPDATE payments.payment_orders SET channel = %(channel)s, updated_at = %(at)s WHERE order_no = %(order_no)s
            )
            INSERT INTO payments.payment_transactions AS live
                (payment_no, order_no, channel, kind, scene, amount, currency, status, client_ip, expires_at, next_query_at,
                 created_at, updated_at)
            VALUES (%(payment_no)s, %(order_no)s, %(channel)s, 'pay', %(scene)s, %(amount)s, %(currency)s, 'created', %(ip)s,
                    %(expires_at)s, %(next)s, %(at)s, %(at)s)
            ON CONFLICT (order_no, channel, scene) WHERE status = 'created' AND kind = 'pay'
            DO UPDATE SET updated_at = excluded.updated_at
            RETURNING payment_no, order_no, channel, scene, amount, currency, status, gateway_no, qr_code, expires_at,
                      next_query_at, queries, created_at
            """,
            {
                "payment_no": payment_no,
                "order_no": order.order_no,
                "channel": channel,
                "scene": scene,
                "amount": order.payable_amount,
                "currency": order.currency,
                "expires_at": order.expires_at,
                "next": at + QUERY_LADDER[0],
                "ip": ip,
                "at": at,
            },
        ).fetchall()[0]


def keep_qr_code(db: Connection, payment_no: str, qr_code: str, at: datetime) -> None:
    """Remember what the buyer scans, so that asking again needs no call."""
    db.execute(
        "UPDATE payments.payment_transactions SET qr_code = %s, updated_at = %s WHERE payment_no = %s",
        (qr_code, at, payment_no),
    )


def find(db: Connection, payment_no: str) -> Attempt | None:
    """One attempt."""
    with db.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(
            """
            SELECT payment_no, order_no, channel, scene, amount, currency, status, gateway_no, qr_code, expires_at,
                   next_query_at, queries, created_at
            FROM payments.payment_transactions WHERE payment_no = %s AND kind <> 'refund'
            """,
            (payment_no,),
        ).fetchone()


def by_gateway_no(db: Connection, channel: Channel, gateway_no: str | None) -> str | None:
    """The number of the attempt that a channel knows by a number of its own."""
    row = db.execute(
        """
        SELECT payment_no FROM payments.payment_transactions
        WHERE channel = %s AND gateway_no = %s AND kind <> 'refund'
        """,
        (channel, gateway_no),
    ).fetchone()
    return str(row[0]) if row else None


def adopt(db: Connection, order: Order, payment_no: str, channel: Channel, at: datetime) -> bool:
    """A payment that was nobody's is an attempt of this order; False when an attempt has its number."""
    row = db.execute(
        """
        INSERT INTO payments.payment_transactions
            (payment_no, order_no, channel, kind, amount, currency, status, expires_at, created_at, updated_at)
        SELECT %(payment_no)s::text, %(order_no)s, %(channel)s, 'pay', %(amount)s, %(currency)s, 'created', %(at)s, %(at)s, %(at)s
        WHERE length(%(payment_no)s::text) <= 32
        ON CONFLICT DO NOTHING RETURNING 1
        """,
        {
            "payment_no": payment_no,
            "order_no": order.order_no,
            "channel": channel,
            "amount": order.payable_amount,
            "currency": order.currency,
            "at": at,
        },
    ).fetchone()
    return row is not None


def of_order(db: Connection, order_no: str) -> list[Attempt]:
    """Every attempt of an order, newest first."""
    with db.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(
            """
            SELECT payment_no, order_no, channel, scene, amount, currency, status, gateway_no, qr_code, expires_at,
                   next_query_at, queries, created_at
            FROM payments.payment_transactions WHERE order_no = %s AND kind <> 'refund'
            ORDER BY created_at DESC, payment_no DESC
            """,
            (order_no,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Due:
    """An attempt the gateway is to be asked about, and what its order is by now."""

    payment_no: str
    channel: Channel
    status: str
    order_status: OrderStatus


def due(db: Connection, at: datetime, limit: int) -> list[Due]:
    """Attempts whose time to be asked about has come, the longest overdue first."""
    with db.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(
            """
            SELECT t.payment_no, t.channel, t.status, o.status AS order_status
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE t.next_query_at <= %s ORDER BY t.next_query_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def due_of_order(db: Connection, order_no: str, at: datetime) -> list[Due]:
    """The same of one order."""
    with db.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(
            """
            SELECT t.payment_no, t.channel, t.status, o.status AS order_status
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE t.order_no = %s AND t.next_query_at <= %s ORDER BY t.created_at
            """,
            (order_no, at),
        ).fetchall()


def settle(db: Connection, order: Order, attempt: Attempt, paid: dict[str, Any], *, decides: bool) -> None:
    """Write that the money of an attempt came in, its order being held.

    When it `decides`, it is what settles the order, and the other open attempts are to be closed.
    """
    db.execute(
        """
        WITH settled AS (
            UPDATE payments.payment_orders
            SET status = 'paid', channel = %(channel)s, payment_no = %(payment_no)s, paid_at = %(paid_at)s,
                updated_at = %(at)s
            WHERE order_no = %(order_no)s AND %(decides)s
        ), released AS (
            UPDATE commerce.payables SET status = 'paid', updated_at = %(at)s
            WHERE order_no = %(order_no)s AND %(decides)s
        ), stopped AS (
            UPDATE payments.payment_transactions SET next_query_at = %(at)s, updated_at = %(at)s
            WHERE order_no = %(order_no)s AND payment_no <> %(payment_no)s AND kind = 'pay' AND status = 'created'
              AND %(decides)s
        )
        UPDATE payments.payment_transactions
        SET status = 'succeeded', gateway_no = %(gateway_no)s, notify_id = %(notify_id)s, payload = %(payload)s,
            finished_at = %(paid_at)s, next_query_at = NULL, updated_at = %(at)s
        WHERE payment_no = %(payment_no)s
        """,
        paid
        | {
            "order_no": order.order_no,
            "payment_no": attempt.payment_no,
            "channel": attempt.channel,
            "decides": decides,
        },
    )


def close(db: Connection, payment_no: str, next_query_at: datetime | None, at: datetime) -> None:
    """Write that an attempt takes no money any more; with a time, the gateway is asked once more then."""
    db.execute(
        """
        UPDATE payments.payment_transactions
        SET status = 'closed', finished_at = coalesce(finished_at, %(at)s), next_query_at = %(next)s, updated_at = %(at)s
        WHERE payment_no = %(payment_no)s AND status IN ('created', 'closed')
        """,
        {"payment_no": payment_no, "next": next_query_at, "at": at},
    )


def fail(db: Connection, payment_no: str, gateway_no: str, at: datetime) -> None:
    """Write that an attempt took money it cannot settle its order with, so that the buyer may start another."""
    db.execute(
        """
        UPDATE payments.payment_transactions
        SET status = 'failed', gateway_no = %s, finished_at = %s, next_query_at = NULL, updated_at = %s
        WHERE payment_no = %s AND status IN ('created', 'closed')
        """,
        (gateway_no, at, at, payment_no),
    )


def ask_again(db: Connection, payment_no: str, next_query_at: datetime | None, at: datetime, *, counts: bool) -> None:
    """Set when an open attempt is asked about again; `counts` when the gateway answered."""
    db.execute(
        """
        UPDATE payments.payment_transactions
        SET next_query_at = %(next)s, queries = queries + %(counts)s::int, updated_at = %(at)s
        WHERE payment_no = %(payment_no)s AND status IN ('created', 'closed')
        """,
        {"payment_no": payment_no, "next": next_query_at, "at": at, "counts": counts},
    )
