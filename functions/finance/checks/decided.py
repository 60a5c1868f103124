"""What people brought into the books is there as it was decided. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

DECIDED: Final[dict[str, LiteralString]] = {
    "chargebacks are disputed while they are open": """
        SELECT c.chargeback_id || ' ' || c.status, CASE c.status WHEN 'open' THEN -c.amount ELSE 0 END, coalesce(sum(p.amount), 0)
        FROM finance.chargebacks c
        LEFT JOIN finance.ledger_entries e ON e.ref_type = 'chargeback' AND e.ref_id = c.chargeback_id::text
        LEFT JOIN (finance.ledger_postings p JOIN finance.ledger_accounts a ON a.account_id = p.account_id
                   AND a.name = 'platform:disputes') ON p.entry_id = e.entry_id
        GROUP BY c.chargeback_id
    """,
    "nothing else is disputed": """
        SELECT 'platform:disputes', -coalesce((SELECT sum(amount) FROM finance.chargebacks WHERE status = 'open'), 0),
               coalesce(sum(p.amount), 0)
        FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id) WHERE a.name = 'platform:disputes'
    """,
    "lost chargebacks are taken from the sale, or lost": """
        SELECT c.chargeback_id::text, CASE c.status WHEN 'lost' THEN c.amount ELSE 0 END,
               coalesce(r.amount - r.platform_discount, 0) - coalesce((
                   SELECT sum(p.amount) FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                   JOIN finance.ledger_accounts a USING (account_id)
                   WHERE e.reference = 'chargeback:' || c.chargeback_id || ':outcome' AND a.name = 'platform:losses'), 0)
        FROM finance.chargebacks c LEFT JOIN finance.earning_reversals r ON r.refund_id = -c.chargeback_id
    """,
    "adjustments are posted when they are approved, and held before": """
        SELECT j.adjustment_id || ' ' || l.account, CASE WHEN j.status = 'approved' OR h.status = 'open' AND l.amount < 0
               THEN l.amount ELSE 0 END, coalesce(sum(p.amount), 0)
        FROM finance.adjustments j LEFT JOIN finance.holds h ON h.reference = 'adjustment:' || j.adjustment_id
        CROSS JOIN LATERAL (VALUES (j.from_account, -j.amount), (j.to_account, j.amount)) AS l(account, amount)
        LEFT JOIN finance.ledger_entries e ON e.ref_type = 'adjustment' AND e.ref_id = j.adjustment_id::text
        LEFT JOIN (finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)) ON p.entry_id = e.entry_id
            AND a.name = l.account AND a.currency = j.currency
        GROUP BY j.adjustment_id, h.status, l.account, l.amount
    """,
    "entries of people's making have their row": """
        SELECT e.reference, 1, (CASE e.ref_type
            WHEN 'chargeback' THEN EXISTS (SELECT FROM finance.chargebacks c WHERE c.chargeback_id::text = e.ref_id)
            ELSE EXISTS (SELECT FROM finance.adjustments j WHERE j.adjustment_id::text = e.ref_id) END)::int
        FROM finance.ledger_entries e WHERE e.ref_type IN ('chargeback', 'adjustment')
    """,
    "an exchange has a side in each of two currencies": """
        SELECT e.ref_id, 2, count(DISTINCT e.currency) FROM finance.ledger_entries e
        WHERE e.ref_type = 'exchange' GROUP BY e.ref_id
    """,
}
