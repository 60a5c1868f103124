"""Payouts, their holds and their numbers are in the books as their rows say. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

WITHDRAWALS: Final[dict[str, LiteralString]] = {
    "open withdrawals are held, and no others": """
        SELECT coalesce(w.id, h.id), coalesce(w.amount, 0), coalesce(h.amount, 0) FROM (
            SELECT withdrawal_id::text AS id, amount FROM finance.withdrawal_requests
            WHERE status IN ('pending', 'approved', 'processing')) w
        FULL JOIN (SELECT ref_id AS id, sum(amount) AS amount FROM finance.holds
                   WHERE ref_type = 'withdrawal' AND status = 'open' GROUP BY ref_id) h USING (id)
    """,
    "withdrawn is what was paid": """
        SELECT b.creator_id::text, coalesce(w.amount, 0), b.balance FROM finance.creator_balances b
        LEFT JOIN (SELECT creator_id, sum(amount) AS amount FROM finance.withdrawal_requests
                   WHERE status = 'paid' GROUP BY creator_id) w USING (creator_id)
        WHERE b.part = 'withdrawn'
    """,
    "available is what was settled, merged and adjusted, less what is frozen or withdrawn": """
        SELECT b.creator_id::text, coalesce(s.amount, 0) + coalesce(m.amount, 0) - coalesce(w.amount, 0), b.balance
        FROM finance.creator_balances b
        LEFT JOIN (SELECT split_part(a.name, ':', 2)::bigint AS creator_id, sum(p.amount) AS amount
                   FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                   JOIN finance.ledger_accounts a USING (account_id)
                   WHERE (e.kind = 'merge' OR e.ref_type = 'adjustment') AND a.name LIKE 'creator:%:available'
                     AND a.currency = 'CNY' GROUP BY 1) m USING (creator_id)
        LEFT JOIN (SELECT creator_id, sum(creator_amount) AS amount FROM finance.settlements GROUP BY creator_id) s
            USING (creator_id)
        LEFT JOIN (SELECT creator_id, sum(amount) AS amount FROM finance.withdrawal_requests
                   WHERE status IN ('pending', 'approved', 'processing', 'paid') GROUP BY creator_id) w USING (creator_id)
        WHERE b.part = 'available'
    """,
    "withdrawals have a hold, and an outcome once final": """
        SELECT w.withdrawal_id::text, CASE WHEN w.status IN ('paid', 'rejected', 'failed') THEN 2 ELSE 1 END,
               (SELECT count(*) FROM finance.ledger_entries e
                WHERE e.reference IN ('withdrawal:' || w.withdrawal_id || ':' || w.hold_no || ':hold',
                                      'withdrawal:' || w.withdrawal_id || ':' || w.hold_no || ':outcome'))
        FROM finance.withdrawal_requests w
    """,
    "a transfer is live only where one may be": """
        SELECT w.withdrawal_id::text, 0, CASE WHEN w.status = 'paid' THEN (t.open > 0)::int
            WHEN w.status = 'processing' THEN greatest(t.live - 1, 0) ELSE t.live END
        FROM finance.withdrawal_requests w JOIN (
            SELECT withdrawal_id, count(*) FILTER (WHERE status IN ('open', 'succeeded')) AS live,
                   count(*) FILTER (WHERE status = 'open') AS open
            FROM finance.withdrawal_transfers GROUP BY withdrawal_id
        ) t USING (withdrawal_id)
    """,
    "transfers that succeeded were paid": """
        SELECT t.transfer_no, w.amount - w.fee, CASE WHEN w.status IN ('paid', 'processing') THEN t.amount ELSE 0 END
        FROM finance.withdrawal_transfers t JOIN finance.withdrawal_requests w USING (withdrawal_id)
        WHERE t.status = 'succeeded'
    """,
    "payouts in USDT were sent as promised": """
        SELECT w.withdrawal_id::text, w.units, coalesce(sum(p.amount), 0) FROM finance.withdrawal_requests w
        LEFT JOIN (finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                   JOIN finance.ledger_accounts a ON a.account_id = p.account_id AND a.name = 'channel:usdt')
            ON e.reference = 'withdrawal:' || w.withdrawal_id || ':' || w.hold_no || ':outcome:sent' AND e.currency = 'USDT'
        WHERE w.status = 'paid' AND w.units IS NOT NULL GROUP BY w.withdrawal_id
    """,
    "nobody approved their own withdrawal": """
        SELECT w.withdrawal_id::text, 0, count(*) FILTER (WHERE a.approver = w.creator_id)
        FROM finance.withdrawal_requests w JOIN finance.withdrawal_approvals a USING (withdrawal_id) GROUP BY w.withdrawal_id
    """,
}
