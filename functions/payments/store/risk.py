"""Queries of risk control: the rules, what they measure of a payment about to start, and what they caught."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from functions.payments.models import Order
from functions.payments.risk import Event, EventStatus, Rule
from shared.sql.connection import Connection


def rules(db: Connection) -> list[Rule]:
    """The rules in force, in the order they were given in."""
    with db.cursor(row_factory=class_row(Rule)) as cursor:
        return cursor.execute(
            "SELECT key, enabled, threshold, window_seconds, action FROM payments.payment_risk_rules ORDER BY place"
        ).fetchall()


def replace(db: Connection, wanted: Sequence[Rule]) -> list[Rule]:
    """Make these the rules, one replacement after the other; those of before come back."""
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments.payment_risk_rules', 0))")
    before = rules(db)
    db.execute("DELETE FROM payments.payment_risk_rules")
    if wanted:
        db.execute(
            """
            INSERT INTO payments.payment_risk_rules (key, enabled, threshold, window_seconds, action, place)
            SELECT * FROM unnest(%s::text[], %s::boolean[], %s::bigint[], %s::int[], %s::text[]) WITH ORDINALITY
            """,
            (
                [rule.key for rule in wanted],
                [rule.enabled for rule in wanted],
                [rule.threshold for rule in wanted],
                [rule.window_seconds for rule in wanted],
                [rule.action for rule in wanted],
            ),
        )
    return before


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is to say of a payment about to start: whether the thing is paid by another order, whether a person
    confirmed a suspicion of this one, which rules caught it, whether the buyer proved to be themselves since the order was
    placed, and for how many rules a new event was opened.
    """

    owned: bool
    confirmed: bool
    rejected_by: list[str]
    challenged_by: list[str]
    proved: bool
    opened: int


def look(db: Connection, order: Order, ip: str | None, at: datetime) -> Findings:
    """Measure a payment of an order that is held by every rule, and open an event for each that wants a person to look.

    What came before counts, not the order itself: ten orders were placed, three payments failed, five others paid from a
    device of the buyer's, twenty from the buyer's address.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        row: dict[str, Any] = cursor.execute(
            """
            WITH measured AS (
                SELECT r.key, r.action, r.threshold, CASE r.key
                    WHEN 'amount_single' THEN %(amount)s::bigint
                    WHEN 'order_count' THEN (
                        SELECT count(*) FROM payments.payment_orders
                        WHERE user_id = %(user_id)s AND created_at > since AND order_no <> %(order_no)s)
                    WHEN 'failed_count' THEN (
                        SELECT count(*) FROM payments.payment_orders o JOIN payments.payment_transactions t USING (order_no)
                        WHERE o.user_id = %(user_id)s AND t.status = 'failed' AND t.kind <> 'refund' AND t.finished_at > since)
                    WHEN 'new_account_amount' THEN (
                        SELECT %(amount)s::bigint FROM identity.pub_account_ages
                        WHERE uid = %(user_id)s AND created_at > since)
                    WHEN 'device_accounts' THEN (
                        SELECT max(payers) FROM (
                            SELECT count(DISTINCT d.uid) AS payers
                            FROM identity.pub_devices mine JOIN identity.pub_devices d USING (device_id)
                            WHERE mine.uid = %(user_id)s AND d.uid <> %(user_id)s AND EXISTS (
                                SELECT FROM payments.payment_orders o JOIN payments.payment_transactions t USING (order_no)
                                WHERE o.user_id = d.uid AND t.kind = 'pay' AND t.created_at > since)
                            GROUP BY device_id) AS devices)
                    WHEN 'ip_accounts' THEN (
                        SELECT count(DISTINCT o.user_id)
                        FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
                        WHERE t.client_ip = %(ip)s::text AND t.created_at > since AND o.user_id <> %(user_id)s)
                    WHEN 'refund_percent' THEN (
                        SELECT (sum(refunded_amount) * 100 / nullif(sum(payable_amount), 0))::bigint
                        FROM payments.payment_orders WHERE user_id = %(user_id)s AND paid_at > since)
                    END AS score
                FROM payments.payment_risk_rules r
                CROSS JOIN LATERAL (SELECT %(at)s::timestamptz - make_interval(secs => r.window_seconds) AS since) AS looked
                WHERE r.enabled
            ), caught AS (
                SELECT key, action, score FROM measured WHERE score >= threshold
            ), opened AS (
                INSERT INTO payments.payment_risk_events (order_no, user_id, rule_key, score, created_at)
                SELECT %(order_no)s, %(user_id)s, key, score, %(at)s FROM caught WHERE action = 'review'
                ON CONFLICT (order_no, rule_key) DO NOTHING RETURNING 1
            )
            SELECT EXISTS (
                       SELECT 1 FROM payments.payment_orders
                       WHERE user_id = %(user_id)s AND kind = 'content' AND kind = %(kind)s AND target_id = %(target_id)s
                         AND order_no <> %(order_no)s AND status IN ('paid', 'refunding', 'partially_refunded')) AS owned,
                   EXISTS (SELECT FROM payments.payment_risk_events
                           WHERE order_no = %(order_no)s AND status = 'confirmed') AS confirmed,
                   ARRAY(SELECT key FROM caught WHERE action = 'reject' ORDER BY key) AS rejected_by,
                   ARRAY(SELECT key FROM caught WHERE action = 'challenge' ORDER BY key) AS challenged_by,
                   EXISTS (SELECT FROM identity.pub_confirmations
                           WHERE uid = %(user_id)s AND confirmed_at >= %(placed_at)s) AS proved,
                   (SELECT count(*) FROM opened) AS opened
            """,
            {
                "user_id": order.user_id,
                "order_no": order.order_no,
                "kind": order.kind,
                "target_id": order.target_id,
                "amount": order.payable_amount,
                "placed_at": order.created_at,
                "ip": ip,
                "at": at,
            },
        ).fetchall()[0]
    return Findings(**row)


def review(
    db: Connection, event_id: int, status: EventStatus, *, by: int, comment: str | None, at: datetime
) -> tuple[Event | None, bool]:
    """Write what a person made of an open event; the event, and whether it was still open."""
    with db.cursor(row_factory=class_row(Event)) as cursor:
        reviewed = cursor.execute(
            """
            UPDATE payments.payment_risk_events
            SET status = %(status)s, reviewed_by = %(by)s, comment = %(comment)s, reviewed_at = %(at)s
            WHERE event_id = %(event_id)s AND status = 'open'
            RETURNING event_id, order_no, user_id, rule_key, score, status, created_at
            """,
            {"event_id": event_id, "status": status, "by": by, "comment": comment, "at": at},
        ).fetchone()
        if reviewed is not None:
            return reviewed, True
        known = cursor.execute(
            """
            SELECT event_id, order_no, user_id, rule_key, score, status, created_at
            FROM payments.payment_risk_events WHERE event_id = %s
            """,
            (event_id,),
        ).fetchone()
        return known, False
