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
    "postings that come late say so": """
        SELECT p.posting_id::text, coalesce(p.at < p.before, false), coalesce(p.late, false) FROM (
            SELECT posting_id, at, late, max(at) OVER (
                PARTITION BY account_id ORDER BY posting_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM finance.ledger_postings WHERE balance_after IS NOT NULL
        ) p
    """,
    "accounts know when they last moved": """
        SELECT a.name || ' ' || a.currency, p.at, a.last_at FROM finance.ledger_accounts a
        LEFT JOIN (SELECT account_id, max(at) AS at FROM finance.ledger_postings GROUP BY account_id) p USING (account_id)
        WHERE a.kind = 'owner'
    """,
    "days of platform accounts are the sum of their postings": """
        SELECT coalesce(p.account_id, d.account_id) || ' ' || coalesce(p.day, d.day), coalesce(p.amount, 0), coalesce(d.amount, 0)
        FROM (
            SELECT p.account_id, (p.at AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(p.amount) AS amount
            FROM finance.ledger_rolled r JOIN finance.ledger_entries e ON (e.tx, e.entry_id) <= (r.tx, r.entry_id)
            JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.balance_after IS NULL GROUP BY 1, 2
        ) p FULL JOIN finance.ledger_days d USING (account_id, day)
    """,
    "balances that must not are never negative": """
        SELECT a.name, 0, least(a.balance, min(p.balance_after), 0) FROM finance.ledger_accounts a
        LEFT JOIN finance.ledger_postings p USING (account_id)
        WHERE a.kind = 'owner' AND NOT a.may_go_negative GROUP BY a.account_id
    """,
}
