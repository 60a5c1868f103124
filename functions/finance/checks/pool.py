"""Shares of membership income are in the books as their rows say. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

POOL: Final[dict[str, LiteralString]] = {
    "shares of the pool are posted": """
        SELECT c.order_no || ' ' || c.creator_id, c.creator_amount, coalesce(p.amount, 0) FROM finance.creator_earnings c
        LEFT JOIN finance.ledger_entries e ON e.reference = c.order_no || ':' || c.creator_id
        LEFT JOIN finance.ledger_accounts a ON a.name = 'creator:' || c.creator_id || ':pending' AND a.currency = 'CNY'
        LEFT JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.account_id = a.account_id
        WHERE c.kind = 'pool'
    """,
    "shares of a month sum to what was taken from the platform's income for it": """
        SELECT s.month::text, concat_ws('/', s.amount, s.amount, s.creators), concat_ws('/', coalesce(c.amount, 0),
                   coalesce(-p.amount, 0), coalesce(c.creators, 0))
        FROM finance.pool_splits s
        LEFT JOIN (SELECT order_no, sum(creator_amount) AS amount, count(*) AS creators FROM finance.creator_earnings
                   WHERE kind = 'pool' GROUP BY order_no) c ON c.order_no = 'pool:' || to_char(s.month, 'YYYY-MM')
        LEFT JOIN finance.ledger_entries e ON e.reference = 'pool:' || to_char(s.month, 'YYYY-MM')
        LEFT JOIN (finance.ledger_postings p JOIN finance.ledger_accounts a
                   ON a.account_id = p.account_id AND a.name = 'platform:income') ON p.entry_id = e.entry_id
    """,
    "the pool is empty": """
        SELECT a.name, 0, coalesce(sum(p.amount), 0) FROM finance.ledger_accounts a
        LEFT JOIN finance.ledger_postings p USING (account_id) WHERE a.name = 'platform:pool' GROUP BY a.account_id
    """,
}
