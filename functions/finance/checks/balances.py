"""What buyers have on account moved with their orders. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

BALANCES: Final[dict[str, LiteralString]] = {
    "sales paid from a balance took it from a buyer": """
        SELECT c.order_no, c.gross - c.platform_discount, coalesce(-p.amount, 0) FROM finance.creator_earnings c
        LEFT JOIN finance.ledger_entries e ON e.reference = 'balance:payment:' || c.order_no
        LEFT JOIN (finance.ledger_postings p JOIN finance.ledger_accounts a
                   ON a.account_id = p.account_id AND a.name LIKE 'buyer:%') ON p.entry_id = e.entry_id
        WHERE c.channel = 'balance'
    """,
    "refunds of such sales went back to a buyer": """
        SELECT r.refund_id::text, r.amount - r.platform_discount, coalesce(p.amount, 0)
        FROM finance.earning_reversals r JOIN finance.creator_earnings c USING (earning_id)
        LEFT JOIN finance.ledger_entries e ON e.reference = 'balance:refund:' || r.refund_id
        LEFT JOIN (finance.ledger_postings p JOIN finance.ledger_accounts a
                   ON a.account_id = p.account_id AND a.name LIKE 'buyer:%') ON p.entry_id = e.entry_id
        WHERE c.channel = 'balance'
    """,
    "what is on the way between balances and sales is not booked yet": """
        SELECT 'channel:balance', coalesce(sum(p.amount), 0), coalesce(sum(p.amount) FILTER (WHERE CASE e.kind
                   WHEN 'balance_payment' THEN
                       NOT EXISTS (SELECT FROM finance.ledger_entries b WHERE b.reference = 'capture:' || e.ref_id)
                   WHEN 'balance_refund' THEN NOT EXISTS (
                       SELECT FROM finance.ledger_entries b WHERE b.reference = substr(e.reference, length('balance:') + 1))
                   END), 0)
        FROM finance.ledger_postings p JOIN finance.ledger_entries e USING (entry_id)
        JOIN finance.ledger_accounts a USING (account_id) WHERE a.name = 'channel:balance' AND a.currency = 'CNY'
    """,
}
