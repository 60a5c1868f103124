"""Queries about refunds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg.rows import class_row

from functions.payments.models import Attempt, Order, Refund, RefundStatus
from shared.ids import new_order_no
from shared.money import Money
from shared.sql.connection import Connection


def request(db: Connection, order: Order, amount: int, reason: str, at: datetime) -> Refund | None:
    """Store a buyer's request for an order that is held; None when one is open."""
    with db.cursor(row_factory=class_row(Refund)) as cursor:
        return cursor.execute(
            """
            WITH asked AS (
                INSERT INTO payments.payment_refunds
                    (refund_no, order_no, payment_no, user_id, origin, amount, currency, reason, status, created_at, updated_at)
                VALUES (%(refund_no)s, %(order_no)s, %(payment_no)s, %(user_id)s, 'request', %(amount)s, %(currency)s,
                        %(reason)s, 'pending', %(at)s, %(at)s)
                ON CONFLICT (order_no) WHERE origin = 'request' AND status IN ('pending', 'processing') DO NOTHING
                RETURNING *
            ), moved AS (
                UPDATE payments.payment_orders o SET status = 'refunding', updated_at = %(at)s
                FROM asked WHERE o.order_no = asked.order_no
            )
            SELECT refund_id, refund_no, order_no, payment_no, user_id, %(channel)s::text AS channel, origin, amount,
                   currency, reason, status, tries, created_at, %(paid)s::bigint AS paid_amount, NULL AS gateway_no
            FROM asked
            """,
            {
                "refund_no": new_order_no(),
                "order_no": order.order_no,
                "payment_no": order.payment_no,
                "user_id": order.user_id,
                "amount": amount,
                "currency": order.currency,
                "reason": reason,
                "channel": order.channel,
                "paid": order.payable_amount,
                "at": at,
            },
        ).fetchone()


def return_surplus(
    db: Connection, order: Order, attempt: Attempt, status: Literal["pending", "processing"], at: datetime
) -> None:
    """Store that the money of an attempt has to go back, since the order was already paid. Once per attempt."""
    db.execute(
        """
        WITH intended AS (
            INSERT INTO payments.payment_refunds
                (refund_no, order_no, payment_no, user_id, origin, amount, currency, reason, status, next_try_at,
                 created_at, updated_at)
            VALUES (%(refund_no)s, %(order_no)s, %(payment_no)s, %(user_id)s, 'surplus', %(amount)s, %(currency)s,
                    'surplus', %(status)s, CASE WHEN %(status)s = 'processing' THEN %(at)s::timestamptz END,
                    %(at)s, %(at)s)
            ON CONFLICT (payment_no) WHERE origin = 'surplus' AND status NOT IN ('rejected', 'failed') DO NOTHING
            RETURNING *
        )
        INSERT INTO payments.payment_transactions
            (payment_no, order_no, channel, kind, amount, currency, status, created_at, updated_at)
        SELECT refund_no, order_no, %(channel)s, 'refund', amount, currency, 'created', %(at)s, %(at)s
        FROM intended WHERE status = 'processing'
        """,
        {
            "refund_no": new_order_no(),
            "order_no": order.order_no,
            "payment_no": attempt.payment_no,
            "user_id": order.user_id,
            "amount": attempt.amount,
            "currency": attempt.currency,
            "channel": attempt.channel,
            "status": status,
            "at": at,
        },
    )


@dataclass(frozen=True, slots=True)
class Intention:
    """Money to give back, decided: under which number, how much (fen), by whom, why, when."""

    refund_no: str
    amount: int
    by: int
    comment: str
    at: datetime


def send_order(db: Connection, order: Order, intention: Intention) -> int | None:
    """Money of a paid order goes back, decided; its id, or None when a request of its buyer is open."""
    row = db.execute(
        """
        WITH intended AS (
            INSERT INTO payments.payment_refunds
                (refund_no, order_no, payment_no, user_id, origin, amount, currency, reason, status, processed_by, comment,
                 next_try_at, created_at, updated_at)
            VALUES (%(refund_no)s, %(order_no)s, %(payment_no)s, %(user_id)s, 'request', %(amount)s, %(currency)s,
                    'reconciliation', 'processing', %(by)s, %(comment)s, %(at)s, %(at)s, %(at)s)
            ON CONFLICT DO NOTHING RETURNING *
        ), moved AS (
            UPDATE payments.payment_orders o SET status = 'refunding', updated_at = %(at)s
            FROM intended WHERE o.order_no = intended.order_no
        ), sent AS (
            INSERT INTO payments.payment_transactions
                (payment_no, order_no, channel, kind, amount, currency, status, created_at, updated_at)
            SELECT refund_no, order_no, %(channel)s, 'refund', amount, currency, 'created', %(at)s, %(at)s FROM intended
        )
        SELECT refund_id FROM intended
        """,
        _sent(order, intention) | {"payment_no": order.payment_no, "channel": order.channel},
    ).fetchone()
    return row[0] if row else None


def send_surplus(db: Connection, order: Order, attempt: Attempt, intention: Intention, *, received: int) -> int:
    """Money of an attempt that is not the order's goes back, decided; its id. `received` is what the vendor holds of it."""
    row = db.execute(
        """
        WITH intended AS (
            INSERT INTO payments.payment_refunds
                (refund_no, order_no, payment_no, user_id, origin, amount, received, currency, reason, status, processed_by,
                 comment, next_try_at, created_at, updated_at)
            VALUES (%(refund_no)s, %(order_no)s, %(payment_no)s, %(user_id)s, 'surplus', %(amount)s, %(received)s,
                    %(currency)s, 'reconciliation', 'processing', %(by)s, %(comment)s, %(at)s, %(at)s, %(at)s)
            RETURNING *
        ), sent AS (
            INSERT INTO payments.payment_transactions
                (payment_no, order_no, channel, kind, amount, currency, status, created_at, updated_at)
            SELECT refund_no, order_no, %(channel)s, 'refund', amount, currency, 'created', %(at)s, %(at)s FROM intended
        )
        SELECT refund_id FROM intended
        """,
        _sent(order, intention) | {"payment_no": attempt.payment_no, "received": received, "channel": attempt.channel},
    ).fetchall()
    return int(row[0][0])


def _sent(order: Order, intention: Intention) -> dict[str, object]:
    return {
        "refund_no": intention.refund_no,
        "order_no": order.order_no,
        "user_id": order.user_id,
        "amount": intention.amount,
        "currency": order.currency,
        "by": intention.by,
        "comment": intention.comment,
        "at": intention.at,
    }


def live_surplus(db: Connection, payment_no: str) -> Refund | None:
    """The refund of an attempt's money that is not the order's, unless it came to nothing."""
    row = db.execute(
        """
        SELECT refund_id FROM payments.payment_refunds
        WHERE payment_no = %s AND origin = 'surplus' AND status NOT IN ('rejected', 'failed')
        """,
        (payment_no,),
    ).fetchone()
    return find(db, row[0]) if row else None


def ended_in_vain(db: Connection, payment_no: str) -> int:
    """How many refunds of a payment came to nothing."""
    row = db.execute(
        "SELECT count(*) FROM payments.payment_refunds WHERE payment_no = %s AND status IN ('rejected', 'failed')",
        (payment_no,),
    ).fetchone()
    return int(row[0]) if row else 0


def find(db: Connection, refund_id: int) -> Refund | None:
    """One refund; hold its order first to rely on it."""
    with db.cursor(row_factory=class_row(Refund)) as cursor:
        return cursor.execute(
            """
            SELECT r.refund_id, r.refund_no, r.order_no, r.payment_no, r.user_id, t.channel, r.origin, r.amount,
                   r.currency, r.reason, r.status, r.tries, r.created_at, coalesce(r.received, t.amount) AS paid_amount,
                   t.gateway_no
            FROM payments.payment_refunds r JOIN payments.payment_transactions t USING (payment_no)
            WHERE r.refund_id = %s
            """,
            (refund_id,),
        ).fetchone()


def due(db: Connection, at: datetime, limit: int) -> list[Refund]:
    """Refunds under way whose time to be finished has come, the longest overdue first."""
    with db.cursor(row_factory=class_row(Refund)) as cursor:
        return cursor.execute(
            """
            SELECT r.refund_id, r.refund_no, r.order_no, r.payment_no, r.user_id, t.channel, r.origin, r.amount,
                   r.currency, r.reason, r.status, r.tries, r.created_at, coalesce(r.received, t.amount) AS paid_amount,
                   t.gateway_no
            FROM payments.payment_refunds r JOIN payments.payment_transactions t USING (payment_no)
            WHERE r.status = 'processing' AND r.next_try_at <= %s ORDER BY r.next_try_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def approve(db: Connection, refund: Refund, *, by: int, comment: str | None, next_try_at: datetime, at: datetime) -> None:
    """The intention to give money back, before the gateway hears of it: the refund under way, its transaction written."""
    db.execute(
        """
        WITH under_way AS (
            UPDATE payments.payment_refunds
            SET status = 'processing', processed_by = %(by)s, comment = %(comment)s, next_try_at = %(next)s,
                updated_at = %(at)s
            WHERE refund_id = %(refund_id)s
        )
        INSERT INTO payments.payment_transactions
            (payment_no, order_no, channel, kind, amount, currency, status, created_at, updated_at)
        VALUES (%(refund_no)s, %(order_no)s, %(channel)s, 'refund', %(amount)s, %(currency)s, 'created', %(at)s, %(at)s)
        """,
        {
            "refund_id": refund.refund_id,
            "refund_no": refund.refund_no,
            "order_no": refund.order_no,
            "channel": refund.channel,
            "amount": refund.amount,
            "currency": refund.currency,
            "by": by,
            "comment": comment,
            "next": next_try_at,
            "at": at,
        },
    )


def reject(db: Connection, refund_id: int, by: int, comment: str | None, at: datetime) -> None:
    """Write that a request was turned down."""
    db.execute(
        """
        UPDATE payments.payment_refunds
        SET status = 'rejected', processed_by = %(by)s, comment = %(comment)s, finished_at = %(at)s, updated_at = %(at)s
        WHERE refund_id = %(refund_id)s
        """,
        {"refund_id": refund_id, "by": by, "comment": comment, "at": at},
    )


def finish(db: Connection, refund: Refund, status: RefundStatus, gateway_no: str | None, at: datetime) -> None:
    """Write how a refund under way ended, in itself and in its transaction."""
    db.execute(
        """
        WITH ended AS (
            UPDATE payments.payment_transactions
            SET status = %(status)s, gateway_no = %(gateway_no)s, finished_at = %(at)s, updated_at = %(at)s
            WHERE payment_no = %(refund_no)s
        )
        UPDATE payments.payment_refunds
        SET status = %(status)s, gateway_no = %(gateway_no)s, next_try_at = NULL, finished_at = %(at)s, updated_at = %(at)s
        WHERE refund_id = %(refund_id)s
        """,
        {
            "refund_id": refund.refund_id,
            "refund_no": refund.refund_no,
            "status": status,
            "gateway_no": gateway_no,
            "at": at,
        },
    )


def try_again(db: Connection, refund_id: int, next_try_at: datetime, at: datetime) -> None:
    """Count a try that told nothing, and set when the next one is."""
    db.execute(
        """
        UPDATE payments.payment_refunds SET tries = tries + 1, next_try_at = %s, updated_at = %s
        WHERE refund_id = %s AND status = 'processing'
        """,
        (next_try_at, at, refund_id),
    )


def hurry(db: Connection, refund_no: str, at: datetime) -> bool:
    """Finish a refund under way at the next run, since its gateway tells of it; False when the number is not ours."""
    row = db.execute(
        """
        WITH known AS (SELECT refund_id, status FROM payments.payment_refunds WHERE refund_no = %(refund_no)s),
        hurried AS (
            UPDATE payments.payment_refunds r SET next_try_at = %(at)s, updated_at = %(at)s
            FROM known WHERE r.refund_id = known.refund_id AND r.status = 'processing'
        )
        SELECT count(*) FROM known
        """,
        {"refund_no": refund_no, "at": at},
    ).fetchone()
    return row is not None and row[0] > 0


def total_of_payment(db: Connection, payment_no: str, currency: str) -> Money:
    """What we gave back, or are giving back, of one payment."""
    row = db.execute(
        """
        SELECT coalesce(sum(amount), 0)::bigint FROM payments.payment_refunds
        WHERE payment_no = %s AND status IN ('processing', 'succeeded')
        """,
        (payment_no,),
    ).fetchone()
    return Money(row[0] if row else 0, currency)
