"""Queries about orders. Every verb that changes an order, its attempts or its refunds takes the order's row lock first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.payments.models import Order, OrderStatus
from shared.sql.connection import Connection


def open_order(db: Connection, order: Order) -> None:
    """Store a new order of payments' own domain, and what is owed for it."""
    db.execute(
        """
        SELECT commerce.open_order('payments', %(kind)s, %(target_id)s, %(user_id)s, %(seller_id)s, %(title)s,
            %(amount)s, %(discount)s, %(currency)s, %(price_lines)s, %(order_no)s, %(at)s, %(expires_at)s)
        """,
        {
            "kind": order.kind,
            "target_id": order.target_id,
            "user_id": order.user_id,
            "seller_id": order.seller_id,
            "title": order.title,
            "amount": order.amount,
            "discount": order.discount_amount,
            "currency": order.currency,
            "price_lines": Jsonb(order.price_lines),
            "order_no": order.order_no,
            "at": order.created_at,
            "expires_at": order.expires_at,
        },
    )


def lock(
    db: Connection, *, order_no: str | None = None, payment_no: str | None = None, refund_id: int | None = None
) -> Order | None:
    """Hold an order, named by itself, by one of its payments or by one of its refunds, until the transaction ends."""
    with db.cursor(row_factory=class_row(Order)) as cursor:
        return cursor.execute(
            """
            SELECT order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount, payable_amount, currency,
                   price_lines, status, channel, payment_no, refunded_amount, paid_at, expires_at, created_at
            FROM payments.payment_orders
            WHERE order_no = coalesce(
                %(order_no)s::text,
                (SELECT t.order_no FROM payments.payment_transactions t
                 WHERE t.payment_no = %(payment_no)s::text AND t.kind <> 'refund'),
                (SELECT r.order_no FROM payments.payment_refunds r WHERE r.refund_id = %(refund_id)s::bigint))
            FOR UPDATE
            """,
            {"order_no": order_no, "payment_no": payment_no, "refund_id": refund_id},
        ).fetchone()


def find(db: Connection, order_no: str) -> Order | None:
    """An order as it is, without holding it."""
    with db.cursor(row_factory=class_row(Order)) as cursor:
        return cursor.execute(
            """
            SELECT order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount, payable_amount, currency,
                   price_lines, status, channel, payment_no, refunded_amount, paid_at, expires_at, created_at
            FROM payments.payment_orders WHERE order_no = %s
            """,
            (order_no,),
        ).fetchone()


def is_of(db: Connection, order: Order, uid: int) -> bool:
    """Whether an order is somebody's, also by way of an account that was merged into theirs."""
    if order.user_id == uid:
        return True
    row = db.execute("SELECT %s = ANY(identity.all_of_person(%s))", (order.user_id, uid)).fetchone()
    return bool(row and row[0])


def history(db: Connection, order_no: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The transactions and the refunds of an order, oldest first, as JSON."""
    row = db.execute(
        """
        SELECT (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.created_at, t.payment_no), '[]') FROM (
                    SELECT payment_no, order_no, channel, kind, amount, status, gateway_no, created_at, finished_at
                    FROM payments.payment_transactions WHERE order_no = %(order_no)s) t),
               (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.refund_id), '[]') FROM (
                    SELECT refund_id, order_no, amount, status, reason, created_at
                    FROM payments.payment_refunds WHERE order_no = %(order_no)s) r)
        """,
        {"order_no": order_no},
    ).fetchone()
    return (row[0], row[1]) if row else ([], [])


def is_owned_otherwise(db: Connection, order: Order) -> bool:
    """Whether the same thing is already paid by another order of the buyer's, whichever of their accounts it is."""
    row = db.execute(
        """
        SELECT EXISTS (
                   SELECT 1 FROM payments.payment_orders
                   WHERE user_id = ANY (identity.all_of_person(%(user_id)s)) AND kind = 'content' AND kind = %(kind)s AND target_id = %(target_id)s
                     AND order_no <> %(order_no)s AND status IN ('paid', 'refunding', 'partially_refunded'))
        """,
        {
            "user_id": order.user_id,
            "kind": order.kind,
            "target_id": order.target_id,
            "order_no": order.order_no,
        },
    ).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class Offer:
    """A content as someone may buy it; `owned` when the buyer has paid for it and was not fully refunded."""

    author_id: int
    title: str
    status: str
    access_level: str
    price: int | None
    available_from: datetime | None
    available_to: datetime | None
    owned: bool
    author_has_left: bool

    def is_sold_to(self, buyer_id: int, at: datetime) -> bool:
        """Whether this buyer may buy it now: at a price, from someone else who is still there, and to be read at once."""
        begun = self.available_from is None or self.available_from <= at
        ended = self.available_to is not None and self.available_to <= at
        is_anothers = self.author_id != buyer_id and not self.author_has_left
        return self.access_level == "paid" and is_anothers and begun and not ended


def content_offer(db: Connection, content_id: int, buyer_id: int) -> Offer | None:
    """What content sells, and whether this buyer has it, by whichever of their accounts."""
    with db.cursor(row_factory=class_row(Offer)) as cursor:
        return cursor.execute(
            """
            SELECT c.author_id, c.title, c.status, c.access_level, c.price, c.available_from,
                   c.available_to, EXISTS (
                       SELECT 1 FROM payments.payment_orders o
                       WHERE o.user_id = ANY (identity.all_of_person(%(buyer_id)s)) AND o.kind = 'content' AND o.target_id = c.content_id
                         AND o.status IN ('paid', 'refunding', 'partially_refunded')) AS owned,
                   EXISTS (SELECT 1 FROM identity.pub_profiles s
                           WHERE s.uid = c.author_id AND s.status IN ('inactive', 'pending_deletion', 'deleted'))
                       AS author_has_left
            FROM content.pub_contents c WHERE c.content_id = %(content_id)s
            """,
            {"content_id": content_id, "buyer_id": buyer_id},
        ).fetchone()


def hold_membership(db: Connection, plan_id: int) -> tuple[str, bool] | None:
    """The name of a membership the platform has, and whether it is on sale; it stays so until the transaction ends."""
    return db.execute("SELECT name, is_active FROM subscriptions.hold_membership_plan(%s)", (plan_id,)).fetchone()


def open_membership(db: Connection, order: Order) -> None:
    """Let subscriptions keep what this order buys as it is now."""
    db.execute(
        "SELECT subscriptions.open_membership(%s, %s, %s, %s)",
        (order.order_no, order.user_id, order.target_id, order.created_at),
    )


def close(db: Connection, order_no: str, to: OrderStatus, at: datetime) -> None:
    """End an unpaid order that is held: what is owed for it ends too, and its open attempts are to be closed."""
    db.execute(
        """
        WITH released AS (
            UPDATE commerce.payables SET status = %(to)s, updated_at = %(at)s WHERE order_no = %(order_no)s
        ), stopped AS (
            UPDATE payments.payment_transactions SET next_query_at = %(at)s, updated_at = %(at)s
            WHERE order_no = %(order_no)s AND kind = 'pay' AND status = 'created'
        )
        UPDATE payments.payment_orders SET status = %(to)s, updated_at = %(at)s WHERE order_no = %(order_no)s
        """,
        {"order_no": order_no, "to": to, "at": at},
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """What others need to know of an order that ended unpaid."""

    order_no: str
    kind: str
    target_id: int
    user_id: int


def expire_due(db: Connection, at: datetime, limit: int) -> list[Ended]:
    """End pending orders whose time is over, oldest first, as `close` does; orders someone holds are left for later."""
    with db.cursor(row_factory=class_row(Ended)) as cursor:
        return cursor.execute(
            """
            WITH due AS (
                SELECT order_no FROM payments.payment_orders WHERE status = 'pending' AND expires_at <= %(at)s
                ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ), expired AS (
                UPDATE payments.payment_orders o SET status = 'expired', updated_at = %(at)s
                FROM due WHERE o.order_no = due.order_no
                RETURNING o.order_no, o.kind, o.target_id, o.user_id
            ), released AS (
                UPDATE commerce.payables p SET status = 'expired', updated_at = %(at)s
                FROM due WHERE p.order_no = due.order_no
            ), stopped AS (
                UPDATE payments.payment_transactions t SET next_query_at = %(at)s, updated_at = %(at)s
                FROM due WHERE t.order_no = due.order_no AND t.kind = 'pay' AND t.status = 'created'
            )
            SELECT order_no, kind, target_id, user_id FROM expired
            """,
            {"at": at, "limit": limit},
        ).fetchall()


def mark_covered(db: Connection, at: datetime, limit: int, order_no: str | None) -> list[Order]:
    """Orders with nothing to pay that nobody was told of, now marked as told: by a payment number that is their own."""
    with db.cursor(row_factory=class_row(Order)) as cursor:
        return cursor.execute(
            """
            WITH due AS (
                SELECT order_no FROM payments.payment_orders
                WHERE status = 'paid' AND payable_amount = 0 AND payment_no IS NULL
                    AND order_no = coalesce(%(order_no)s, order_no)
                ORDER BY paid_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            UPDATE payments.payment_orders o SET payment_no = o.order_no, channel = 'balance', updated_at = %(at)s
            FROM due WHERE o.order_no = due.order_no
            RETURNING o.order_no, o.user_id, o.kind, o.target_id, o.seller_id, o.title, o.amount, o.discount_amount,
                o.payable_amount, o.currency, o.price_lines, o.status, o.channel, o.payment_no, o.refunded_amount, o.paid_at,
                o.expires_at, o.created_at
            """,
            {"at": at, "limit": limit, "order_no": order_no},
        ).fetchall()


def set_refund_state(db: Connection, order_no: str, status: OrderStatus, refunded_amount: int, at: datetime) -> None:
    """Move a paid order that is held along its refunds."""
    db.execute(
        """
        UPDATE payments.payment_orders SET status = %s, refunded_amount = %s, updated_at = %s WHERE order_no = %s
        """,
        (status, refunded_amount, at, order_no),
    )
