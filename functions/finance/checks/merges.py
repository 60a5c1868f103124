"""Money of merged accounts moved as far as it should, and back. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

MERGES: Final[dict[str, LiteralString]] = {
    "merges move between their two accounts only": """
        SELECT e.reference || ' ' || a.name, 1, (m.merge_id IS NOT NULL AND a.name IN (
            'creator:' || m.from_uid || ':available', 'creator:' || m.into_uid || ':available'))::int
        FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
        JOIN finance.ledger_accounts a USING (account_id)
        LEFT JOIN finance.account_merges m ON m.merge_id::text = e.ref_id WHERE e.kind = 'merge'
    """,
    "merges in force leave nothing available behind": """
        SELECT m.merge_id::text, 0, b.balance FROM finance.account_merges m
        JOIN finance.creator_balances b ON b.creator_id = m.from_uid AND b.part = 'available' WHERE m.parted_at IS NULL
    """,
    "merges that were undone have given back what they moved": """
        SELECT m.merge_id::text, 0, coalesce(sum(p.amount), 0) FROM finance.account_merges m
        JOIN finance.ledger_entries e ON e.kind = 'merge' AND e.ref_id = m.merge_id::text
        JOIN finance.ledger_postings p USING (entry_id)
        JOIN finance.ledger_accounts a ON a.account_id = p.account_id AND a.name = 'creator:' || m.into_uid || ':available'
        WHERE m.parted_at IS NOT NULL GROUP BY m.merge_id
    """,
}
