"""Sales, refunds and settlements are in the books as their rows say. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

EARNINGS: Final[dict[str, LiteralString]] = {
    "sales are posted as divided": """
        SELECT s.order_no || ' ' || s.account, s.amount, coalesce(p.amount, 0)
        FROM (
            SELECT c.order_no, l.account, l.amount FROM finance.creator_earnings c CROSS JOIN LATERAL (VALUES
                ('channel:' || c.channel, c.platform_discount - c.gross), ('platform:marketing', -c.platform_discount),
                ('platform:fees', c.channel_fee), ('platform:income', c.platform_amount),
                ('creator:' || c.creator_id || ':pending', c.creator_amount)) AS l(account, amount)
            WHERE c.kind = 'sale'
        ) s
        LEFT JOIN finance.ledger_entries e ON e.reference = 'capture:' || s.order_no
        LEFT JOIN finance.ledger_accounts a ON a.name = s.account AND a.currency = 'CNY'
        LEFT JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.account_id = a.account_id
    """,
    "refunds are posted as divided": """
        SELECT s.refund_id || ' ' || s.account, s.amount, coalesce(p.amount, 0)
        FROM (
            SELECT r.refund_id, l.account, l.amount, CASE WHEN r.refund_id > 0 THEN 'refund:' || r.refund_id
                   ELSE 'chargeback:' || -r.refund_id || ':outcome' END AS reference
            FROM finance.earning_reversals r JOIN finance.creator_earnings c USING (earning_id) CROSS JOIN LATERAL (VALUES
                ('channel:' || c.channel, CASE WHEN r.refund_id > 0 THEN r.amount - r.platform_discount ELSE 0 END),
                ('platform:marketing', r.platform_discount),
                ('platform:fees', -r.channel_fee),
                ('platform:income', -r.platform_amount),
                ('creator:' || c.creator_id || ':pending', -r.creator_amount)) AS l(account, amount)
        ) s
        LEFT JOIN finance.ledger_entries e ON e.reference = s.reference
        LEFT JOIN finance.ledger_accounts a ON a.name = s.account AND a.currency = 'CNY'
        LEFT JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.account_id = a.account_id
    """,
    "captures and refunds have their rows": """
        SELECT e.reference, 1, CASE e.kind
            WHEN 'capture' THEN EXISTS (SELECT FROM finance.creator_earnings c WHERE c.order_no = e.ref_id)
            ELSE EXISTS (SELECT FROM finance.earning_reversals r
                         WHERE 'refund:' || r.refund_id = e.reference AND r.earning_id IS NOT NULL) END::int
        FROM finance.ledger_entries e WHERE e.kind IN ('capture', 'refund')
    """,
    "earnings know what was reversed of them": """
        SELECT c.order_no, concat_ws('/', coalesce(r.gross, 0), coalesce(r.fee, 0), coalesce(r.creator, 0),
                   coalesce(r.discount, 0)),
               concat_ws('/', c.reversed_gross, c.reversed_fee, c.reversed_creator, c.reversed_discount)
        FROM finance.creator_earnings c LEFT JOIN (
            SELECT earning_id, sum(amount) AS gross, sum(channel_fee) AS fee, sum(creator_amount) AS creator,
                   sum(platform_discount) AS discount
            FROM finance.earning_reversals GROUP BY earning_id
        ) r USING (earning_id)
    """,
    "earnings are reversed when all of them is": """
        SELECT c.order_no, (c.gross > 0 AND c.reversed_gross = c.gross), c.status = 'reversed'
        FROM finance.creator_earnings c
    """,
    "no refund waits for a sale that is booked": """
        SELECT r.refund_id::text, 0, 1 FROM finance.earning_reversals r
        JOIN finance.creator_earnings c ON c.order_no = r.order_no WHERE r.earning_id IS NULL
    """,
    "settlements are the sum of what they settled": """
        WITH parts AS (
            SELECT settlement_id, gross, 0::bigint AS refund, channel_fee, platform_amount, creator_amount
            FROM finance.creator_earnings WHERE settlement_id IS NOT NULL
            UNION ALL
            SELECT coalesce(r.settlement_id, c.settlement_id), 0, r.amount, -r.channel_fee, -r.platform_amount,
                   -r.creator_amount
            FROM finance.earning_reversals r JOIN finance.creator_earnings c USING (earning_id)
            WHERE NOT r.after_settlement OR r.settlement_id IS NOT NULL
        )
        SELECT s.settlement_id::text, concat_ws('/', s.gross, s.refund, s.channel_fee, s.platform_amount, s.creator_amount),
               concat_ws('/', sum(p.gross), sum(p.refund), sum(p.channel_fee), sum(p.platform_amount), sum(p.creator_amount))
        FROM finance.settlements s LEFT JOIN parts p USING (settlement_id) GROUP BY s.settlement_id
    """,
    "settlements are posted": """
        SELECT s.settlement_id::text, s.creator_amount, coalesce(p.amount, 0) FROM finance.settlements s
        LEFT JOIN (
            SELECT e.ref_id, sum(p.amount) AS amount FROM finance.ledger_entries e
            JOIN finance.ledger_postings p USING (entry_id) JOIN finance.ledger_accounts a USING (account_id)
            WHERE e.kind = 'settlement' AND a.name LIKE '%:available' GROUP BY e.ref_id
        ) p ON p.ref_id = s.settlement_id::text
    """,
    "pending is what is not settled, less what is owed": """
        SELECT b.creator_id::text, coalesce(c.amount, 0) - coalesce(d.amount, 0), b.balance
        FROM finance.creator_balances b
        LEFT JOIN (SELECT creator_id, sum(creator_amount - reversed_creator) AS amount FROM finance.creator_earnings
                   WHERE settlement_id IS NULL GROUP BY creator_id) c USING (creator_id)
        LEFT JOIN (SELECT creator_id, sum(creator_amount) AS amount FROM finance.earning_reversals
                   WHERE after_settlement AND settlement_id IS NULL GROUP BY creator_id) d USING (creator_id)
        WHERE b.part = 'pending'
    """,
}
