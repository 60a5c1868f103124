"""The three-way match of a channel's day: its bill, our attempts and refunds, and the ledger. One statement."""

from datetime import datetime

from functions.payments.store.reconciliations import Run
from shared.sql.connection import Connection


def match(db: Connection, run: Run, since: datetime, until: datetime, at: datetime) -> int:
    """Store what differs in the import after `run.import_no`; how many movements were the same on all three sides.

    A payment is found by the channel's number, then by ours; a refund by ours. Rows of the bill that tell of the same one are
    added up. What was paid or given back within the day and stands in no bill of the channel is missing there. The same
    differences again change nothing, and none that a person resolved.
    """
    # The planner knows nothing of rows that this very transaction brought, and would compare each with every other.
    db.execute("SET LOCAL enable_nestloop = off")
    row = db.execute(
        """
        WITH bill AS MATERIALIZED (
            SELECT kind, gateway_no, payment_no, refund_no, amount, at FROM payments.reconciliation_bill_rows
            WHERE reconciliation_id = %(id)s AND import_no = %(import_no)s
        ), named AS (
            SELECT 'pay' AS movement, coalesce(g.payment_no, n.payment_no) AS own_no,
                   coalesce(g.payment_no, n.payment_no, b.payment_no, b.gateway_no) AS reference, b.gateway_no, b.amount, b.at
            FROM bill b
            LEFT JOIN payments.payment_transactions g
                ON g.channel = %(channel)s AND g.gateway_no = b.gateway_no AND g.kind <> 'refund'
            LEFT JOIN payments.payment_transactions n
                ON n.payment_no = b.payment_no AND n.channel = %(channel)s AND n.kind <> 'refund'
            WHERE b.kind = 'pay'
            UNION ALL
            SELECT 'refund', r.refund_no, coalesce(b.refund_no, b.gateway_no), b.gateway_no, b.amount, b.at
            FROM bill b
            LEFT JOIN (payments.payment_refunds r JOIN payments.payment_transactions p
                       ON p.payment_no = r.payment_no AND p.channel = %(channel)s)
                ON r.refund_no = b.refund_no
            WHERE b.kind = 'refund'
        ), remote AS MATERIALIZED (
            SELECT movement, reference, min(own_no) AS own_no, min(gateway_no) AS gateway_no, sum(amount)::bigint AS amount,
                   min(at) AS at
            FROM named GROUP BY movement, reference
        ), own AS (
            SELECT 'pay' AS movement, t.payment_no AS reference, t.order_no, t.gateway_no, t.amount, t.status,
                   CASE WHEN o.payment_no = t.payment_no THEN 'capture:' || t.order_no END AS entry
            FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
            WHERE t.payment_no IN (SELECT own_no FROM remote WHERE movement = 'pay')
            UNION ALL
            SELECT 'refund', r.refund_no, r.order_no, r.gateway_no, r.amount, r.status,
                   CASE WHEN r.origin = 'request' THEN 'refund:' || r.refund_id END
            FROM payments.payment_refunds r WHERE r.refund_no IN (SELECT own_no FROM remote WHERE movement = 'refund')
        ), compared AS MATERIALIZED (
            SELECT m.movement, m.reference, o.order_no, m.gateway_no, m.amount AS remote_amount, m.at AS remote_at,
                   CASE WHEN o.amount = m.amount AND o.status = 'succeeded' AND o.entry IS NOT NULL
                        THEN coalesce(l.amount, o.amount) ELSE o.amount END AS local_amount,
                   CASE WHEN o.reference IS NULL THEN 'missing_local'
                        WHEN o.amount <> m.amount THEN 'amount_diff'
                        WHEN o.status <> 'succeeded' THEN 'status_diff'
                        WHEN o.entry IS NOT NULL AND l.amount IS NULL THEN 'status_diff'
                        WHEN o.entry IS NOT NULL AND l.amount <> m.amount THEN 'amount_diff' END AS kind
            FROM remote m LEFT JOIN own o ON o.movement = m.movement AND o.reference = m.own_no
            LEFT JOIN finance.pub_channel_movements l ON l.reference = o.entry AND l.channel = %(channel)s
        ), seen AS (
            SELECT e.kind, e.payment_no, e.refund_no
            FROM payments.reconciliation_bill_rows e JOIN payments.reconciliation_runs r USING (reconciliation_id, import_no)
            WHERE r.channel = %(channel)s AND e.reconciliation_id <> %(id)s
        ), absent AS (
            SELECT 'pay' AS movement, t.payment_no AS reference, t.order_no, t.gateway_no, t.amount
            FROM payments.payment_transactions t
            WHERE t.channel = %(channel)s AND t.status = 'succeeded' AND t.kind <> 'refund'
              AND t.finished_at >= %(since)s AND t.finished_at < %(until)s
              AND NOT EXISTS (SELECT FROM remote m WHERE m.movement = 'pay' AND m.reference = t.payment_no)
              AND NOT EXISTS (SELECT FROM seen s WHERE s.kind = 'pay' AND s.payment_no = t.payment_no)
            UNION ALL
            SELECT 'refund', r.refund_no, r.order_no, r.gateway_no, r.amount
            FROM payments.payment_refunds r JOIN payments.payment_transactions p ON p.payment_no = r.payment_no
            WHERE p.channel = %(channel)s AND r.status = 'succeeded'
              AND r.finished_at >= %(since)s AND r.finished_at < %(until)s
              AND NOT EXISTS (SELECT FROM remote m WHERE m.movement = 'refund' AND m.reference = r.refund_no)
              AND NOT EXISTS (SELECT FROM seen s WHERE s.kind = 'refund' AND s.refund_no = r.refund_no)
        ), stored AS (
            INSERT INTO payments.reconciliation_items AS i
                (reconciliation_id, kind, movement, reference, order_no, gateway_no, local_amount, remote_amount, remote_at,
                 created_at, updated_at)
            SELECT %(id)s, d.kind, d.movement, d.reference, d.order_no, d.gateway_no, d.local_amount, d.remote_amount,
                   d.remote_at, %(at)s, %(at)s
            FROM (SELECT kind, movement, reference, order_no, gateway_no, local_amount, remote_amount, remote_at
                  FROM compared WHERE kind IS NOT NULL
                  UNION ALL
                  SELECT 'missing_remote', movement, reference, order_no, gateway_no, amount, NULL, NULL FROM absent) d
            ORDER BY d.movement, d.reference
            ON CONFLICT (reconciliation_id, movement, reference) DO UPDATE
            SET kind = excluded.kind, order_no = excluded.order_no, gateway_no = excluded.gateway_no,
                local_amount = excluded.local_amount, remote_amount = excluded.remote_amount,
                remote_at = excluded.remote_at, proposed_action = NULL, proposed_by = NULL, updated_at = excluded.updated_at
            WHERE i.status = 'open' AND (i.kind, i.local_amount, i.remote_amount)
                  IS DISTINCT FROM (excluded.kind, excluded.local_amount, excluded.remote_amount)
        )
        SELECT count(*) FROM compared WHERE kind IS NULL
        """,
        {
            "id": run.reconciliation_id,
            "import_no": run.import_no + 1,
            "channel": run.channel,
            "since": since,
            "until": until,
            "at": at,
        },
    ).fetchone()
    return int(row[0]) if row else 0
