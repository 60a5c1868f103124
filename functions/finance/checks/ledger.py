"""The books by themselves: entries, accounts and balances fit one another. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

LEDGER: Final[dict[str, LiteralString]] = {
    "entries sum to zero": """
        SELECT e.reference, 0, CASE WHEN count(p.amount) < 2 THEN -1 ELSE sum(p.amount) END
        FROM finance.ledger_entries e LEFT JOIN finance.ledger_postings p USING (entry_id) GROUP BY e.entry_id
    """,
    "postings have their entry, account and currency": """
        SELECT p.posting_id::text, 1, (e.entry_id IS NOT NULL AND a.account_id IS NOT NULL AND e.currency = a.currency
            AND e.at = p.at AND (a.kind = 'owner') = (p.balance_after IS NOT NULL))::int
        FROM finance.ledger_postings p LEFT JOIN finance.ledger_entries e USING (entry_id)
        LEFT JOIN finance.ledger_accounts a USING (account_id)
    """,
    "currencies sum to zero": """
        SELECT a.currency, 0, sum(p.amount) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        GROUP BY a.currency
    """,
    "balances are the sum of their postings": """
        SELECT a.name || ' ' || a.currency, coalesce(p.total, 0), a.balance FROM finance.ledger_accounts a
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM finance.ledger_postings GROUP BY account_id) p
            USING (account_id)
        WHERE a.kind = 'owner'
    """,
    "balances follow from one posting to the next": """
        SELECT p.posting_id::text, coalesce(p.before, 0) + p.amount, p.balance_after FROM (
            SELECT posting_id, amount, balance_after, account_id,
                   lag(balance_after) OVER (PARTITION BY account_id ORDER BY posting_id) AS before
            FROM finance.ledger_postings WHERE balance_after IS NOT NULL
        ) p
    """,
    "balances that must not are never negative": """
        SELECT a.name, 0, least(a.balance, min(p.balance_after), 0) FROM finance.ledger_accounts a
        LEFT JOIN finance.ledger_postings p USING (account_id)
        WHERE a.kind = 'owner' AND NOT a.may_go_negative GROUP BY a.account_id
    """,
}
