"""Holds are in the books as their rows say. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

HOLDS: Final[dict[str, LiteralString]] = {
    "holds are posted as they stand": """
        SELECT h.reference || ' ' || l.entry || ' ' || l.account, l.amount, coalesce(sum(p.amount), 0)
        FROM finance.holds h CROSS JOIN LATERAL (VALUES
            (':hold', h.account, -h.amount), (':hold', h.held_in, h.amount),
            (':outcome', h.held_in, CASE h.status WHEN 'open' THEN 0 ELSE -h.amount END),
            (':outcome', h.account, CASE h.status WHEN 'open' THEN 0 ELSE h.amount - coalesce(h.posted, 0) END)
        ) AS l(entry, account, amount)
        LEFT JOIN finance.ledger_entries e ON e.reference = h.reference || l.entry
        LEFT JOIN finance.ledger_accounts a ON a.name = l.account AND a.currency = h.currency
        LEFT JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.account_id = a.account_id
        GROUP BY h.reference, l.entry, l.account, l.amount
    """,
    "what is frozen is what is held": """
        SELECT a.name || ' ' || a.currency, coalesce(h.amount, 0), a.balance FROM finance.ledger_accounts a
        LEFT JOIN (SELECT held_in, currency, sum(amount) AS amount FROM finance.holds WHERE status = 'open'
                   GROUP BY held_in, currency) h ON h.held_in = a.name AND h.currency = a.currency
        WHERE a.name LIKE '%:frozen'
    """,
}
