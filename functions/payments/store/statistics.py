"""How payments go, counted over days of Shanghai."""

from datetime import datetime
from typing import Any, Literal

from shared.sql.connection import Connection

GroupBy = Literal["day", "channel", "kind"]


def count(db: Connection, since: datetime, until: datetime, group_by: GroupBy) -> list[dict[str, Any]]:
    """One row per group that has any, and one whose `key` is None for all of them, last. Amounts are fen.

    A payment belongs to the time it was started at, a refund to the time it went through.
    """
    rows = db.execute(
        """
        WITH moved AS (
            SELECT t.channel, o.kind, t.created_at AS at, t.status, t.amount, 0::bigint AS refunded
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE t.kind <> 'refund' AND t.created_at >= %(since)s AND t.created_at < %(until)s
            UNION ALL
            SELECT t.channel, o.kind, t.finished_at, NULL, 0, t.amount
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE t.kind = 'refund' AND t.status = 'succeeded' AND t.finished_at >= %(since)s AND t.finished_at < %(until)s
        ), keyed AS (
            SELECT CASE %(group_by)s::text
                       WHEN 'channel' THEN channel WHEN 'kind' THEN kind
                       ELSE to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD') END AS key,
                   status, amount, refunded
            FROM moved
        )
        SELECT key, count(status), count(*) FILTER (WHERE status = 'succeeded'), count(*) FILTER (WHERE status = 'failed'),
               coalesce(sum(amount) FILTER (WHERE status = 'succeeded'), 0)::bigint, coalesce(sum(refunded), 0)::bigint
        FROM keyed GROUP BY GROUPING SETS ((key), ()) ORDER BY grouping(key), key
        """,
        {"since": since, "until": until, "group_by": group_by},
    ).fetchall()
    names = ("key", "total", "paid", "failed", "amount", "refunded")
    return [dict(zip(names, row, strict=True)) for row in rows]
