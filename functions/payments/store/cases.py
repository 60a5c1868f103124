"""Queries about cases: money that needs a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from functions.payments.cases import Case, Resolution, Word
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


def resolve(
    db: Connection, kinds: Sequence[CaseKind], reference: str, resolution: Resolution, at: datetime, *, by: int | None = None
) -> None:
    """Close the cases of these kinds about one payment or refund that something else solved."""
    db.execute(
        """
        UPDATE payments.payment_cases SET status = 'resolved', resolution = %(resolution)s, resolved_at = %(at)s,
            resolved_by = %(by)s, proposed_action = NULL, proposed_amount = NULL, proposed_order_no = NULL,
            proposed_by = NULL, next_try_at = NULL
        WHERE kind = ANY(%(kinds)s) AND reference = %(reference)s AND status = 'open'
        """,
        {"kinds": list(kinds), "reference": reference, "resolution": resolution, "by": by, "at": at},
    )


def find(db: Connection, case_id: int) -> Case | None:
    """One case, as it is."""
    with db.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(
            """
            SELECT case_id, kind, reference, channel, order_no, gateway_no, amount, currency, owner, assigned_to, status,
                   resolution, resolved_by, proposed_action, proposed_amount, proposed_order_no, proposed_by, refund_tries,
                   next_try_at, opened_at, resolved_at
            FROM payments.payment_cases WHERE case_id = %s
            """,
            (case_id,),
        ).fetchone()


def lock(db: Connection, case_id: int) -> Case | None:
    """Hold a case until the transaction ends; its order is held before it."""
    db.execute("SELECT 1 FROM payments.payment_cases WHERE case_id = %s FOR UPDATE", (case_id,))
    return find(db, case_id)


def end(db: Connection, case: Case, resolution: Resolution, word: Word) -> None:
    """Close a case that is held by a person's word; a proposal of another word is none any more."""
    db.execute(
        """
        UPDATE payments.payment_cases SET status = 'resolved', resolution = %(resolution)s, resolved_at = %(at)s,
            resolved_by = %(by)s, next_try_at = NULL, order_no = coalesce(order_no, %(order_no)s),
            proposed_action = CASE WHEN %(agreed)s THEN proposed_action END,
            proposed_amount = CASE WHEN %(agreed)s THEN proposed_amount END,
            proposed_order_no = CASE WHEN %(agreed)s THEN proposed_order_no END,
            proposed_by = CASE WHEN %(agreed)s THEN proposed_by END
        WHERE case_id = %(case_id)s
        """,
        {
            "case_id": case.case_id,
            "resolution": resolution,
            "by": word.by,
            "at": word.at,
            "order_no": word.order_no,
            "agreed": case.is_proposed(word) and case.proposed_by != word.by,
        },
    )


def propose(db: Connection, case_id: int, word: Word) -> None:
    """The first of two people wants this."""
    db.execute(
        """
        UPDATE payments.payment_cases
        SET proposed_action = %s, proposed_amount = %s, proposed_order_no = %s, proposed_by = %s
        WHERE case_id = %s
        """,
        (word.action, word.amount, word.order_no, word.by, case_id),
    )


def assign(db: Connection, case_id: int, to: int) -> None:
    """Give a case that is held to an operator."""
    db.execute("UPDATE payments.payment_cases SET assigned_to = %s WHERE case_id = %s", (to, case_id))


def may_answer(db: Connection, uid: int, at: datetime) -> bool:
    """Whether somebody is an operator who may resolve cases."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM admin.pub_operators WHERE user_id = %s AND permissions ?| ARRAY['*', 'payment:write']
                       AND (expires_at IS NULL OR expires_at > %s))
        """,
        (uid, at),
    ).fetchone()
    return bool(row and row[0])


def comment(db: Connection, case_id: int, by: int, text: str, at: datetime) -> None:
    """Add what a person found out."""
    db.execute(
        "INSERT INTO payments.payment_case_comments (case_id, author_id, text, at) VALUES (%s, %s, %s, %s)",
        (case_id, by, text, at),
    )


def comments(db: Connection, case_id: int) -> list[dict[str, Any]]:
    """What people said about a case, oldest first, five hundred at most."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT comment_id, author_id, text, at FROM payments.payment_case_comments WHERE case_id = %s
            ORDER BY comment_id LIMIT 500
            """,
            (case_id,),
        ).fetchall()


def is_over(db: Connection, payment_no: str) -> bool:
    """Whether a case about the money of a payment ended in something else than giving it back."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM payments.payment_cases WHERE reference = %s AND status = 'resolved'
                       AND kind IN ('surplus', 'amount_mismatch', 'unknown_payment') AND resolution <> 'refunded')
        """,
        (payment_no,),
    ).fetchone()
    return bool(row and row[0])


def foreign_total(db: Connection, channel: Channel, gateway_no: str | None, currency: str) -> Money:
    """What others gave back of a payment, as far as it is not among our refunds by now."""
    row = db.execute(
        """
        SELECT coalesce(sum(amount), 0)::bigint FROM payments.payment_cases
        WHERE kind = 'foreign_refund' AND channel = %s AND gateway_no = %s AND resolution IS DISTINCT FROM 'refunded'
        """,
        (channel, gateway_no),
    ).fetchone()
    return Money(row[0] if row else 0, currency)


def begin_refund(db: Connection, case_id: int, at: datetime) -> None:
    """The intention to give back a payment that is nobody's, before its channel hears of it."""
    db.execute("UPDATE payments.payment_cases SET next_try_at = %s WHERE case_id = %s", (at, case_id))


def repayments_due(db: Connection, at: datetime, limit: int) -> list[Case]:
    """Cases whose own refund is under way and whose time has come, the longest overdue first."""
    with db.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(
            """
            SELECT case_id, kind, reference, channel, order_no, gateway_no, amount, currency, owner, assigned_to, status,
                   resolution, resolved_by, proposed_action, proposed_amount, proposed_order_no, proposed_by, refund_tries,
                   next_try_at, opened_at, resolved_at
            FROM payments.payment_cases WHERE next_try_at <= %s ORDER BY next_try_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def is_ours_to_repay(db: Connection, payment_no: str) -> bool:
    """Whether we give, or gave, a payment back that is nobody's."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM payments.payment_cases WHERE kind = 'unknown_payment' AND reference = %s
                       AND (next_try_at IS NOT NULL OR resolution = 'refunded'))
        """,
        (payment_no,),
    ).fetchone()
    return bool(row and row[0])


def try_again(db: Connection, case_id: int, next_try_at: datetime | None) -> None:
    """Count a try of a case's own refund; without a time the channel declined it, and a person decides again."""
    db.execute(
        "UPDATE payments.payment_cases SET refund_tries = refund_tries + 1, next_try_at = %s WHERE case_id = %s",
        (next_try_at, case_id),
    )
