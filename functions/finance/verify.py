"""The proof of the books: every figure computed again from the postings, in SQL that can be pasted into psql.

Each check selects `(key, expected, found)` for all it looks at; a row in which the two differ is an error.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import sql

from shared.sql.connection import Connection

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """What one check looked at, how much of it is off, and the first examples as `key: expected, found`."""

    name: str
    looked_at: int
    off: int
    examples: list[str]


LEDGER: dict[str, LiteralString] = {
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

EARNINGS: dict[str, LiteralString] = {
    "sales are posted as divided": """
        SELECT s.order_no || ' ' || s.account, s.amount, coalesce(p.amount, 0)
        FROM (
            SELECT c.order_no, l.account, l.amount FROM finance.creator_earnings c CROSS JOIN LATERAL (VALUES
                ('channel:' || c.channel, c.platform_discount - c.gross), ('platform:marketing', -c.platform_discount),
                ('platform:fees', c.channel_fee), ('platform:income', c.platform_amount),
                ('creator:' || c.creator_id || ':pending', c.creator_amount)) AS l(account, amount)
        ) s
        LEFT JOIN finance.ledger_entries e ON e.reference = 'capture:' || s.order_no
        LEFT JOIN finance.ledger_accounts a ON a.name = s.account AND a.currency = 'CNY'
        LEFT JOIN finance.ledger_postings p ON p.entry_id = e.entry_id AND p.account_id = a.account_id
    """,
    "refunds are posted as divided": """
        SELECT s.refund_id || ' ' || s.account, s.amount, coalesce(p.amount, 0)
        FROM (
            SELECT r.refund_id, l.account, l.amount
            FROM finance.earning_reversals r JOIN finance.creator_earnings c USING (earning_id) CROSS JOIN LATERAL (VALUES
                ('channel:' || c.channel, r.amount - r.platform_discount), ('platform:marketing', r.platform_discount),
                ('platform:fees', -r.channel_fee),
                ('platform:income', -r.platform_amount),
                ('creator:' || c.creator_id || ':pending', -r.creator_amount)) AS l(account, amount)
        ) s
        LEFT JOIN finance.ledger_entries e ON e.reference = 'refund:' || s.refund_id
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

WITHDRAWALS: dict[str, LiteralString] = {
    "frozen is what open withdrawals hold": """
        SELECT b.creator_id::text, coalesce(w.amount, 0), b.balance FROM finance.creator_balances b
        LEFT JOIN (SELECT creator_id, sum(amount) AS amount FROM finance.withdrawal_requests
                   WHERE status IN ('pending', 'approved', 'processing') GROUP BY creator_id) w USING (creator_id)
        WHERE b.part = 'frozen'
    """,
    "withdrawn is what was paid": """
        SELECT b.creator_id::text, coalesce(w.amount, 0), b.balance FROM finance.creator_balances b
        LEFT JOIN (SELECT creator_id, sum(amount) AS amount FROM finance.withdrawal_requests
                   WHERE status = 'paid' GROUP BY creator_id) w USING (creator_id)
        WHERE b.part = 'withdrawn'
    """,
    "available is what was settled and merged, less what is frozen or withdrawn": """
        SELECT b.creator_id::text, coalesce(s.amount, 0) + coalesce(m.amount, 0) - coalesce(w.amount, 0), b.balance
        FROM finance.creator_balances b
        LEFT JOIN (SELECT split_part(a.name, ':', 2)::bigint AS creator_id, sum(p.amount) AS amount
                   FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                   JOIN finance.ledger_accounts a USING (account_id) WHERE e.kind = 'merge' GROUP BY 1) m USING (creator_id)
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
}

MERGES: dict[str, LiteralString] = {
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

BALANCES: dict[str, LiteralString] = {
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

_ALL: dict[str, LiteralString] = LEDGER | EARNINGS | WITHDRAWALS | MERGES | BALANCES


def verify(db: Connection) -> list[Check]:
    """Run every check; each is one statement, so it sees one moment of the books even while they are written."""
    return [_run(db, name, statement) for name, statement in _ALL.items()]


def _run(db: Connection, name: str, statement: LiteralString) -> Check:
    counted = sql.SQL(
        """
        SELECT count(*), count(*) FILTER (WHERE wrong), coalesce((array_agg(example) FILTER (WHERE wrong))[:{shown}], '{{}}')
        FROM (SELECT c.expected IS DISTINCT FROM c.found AS wrong, CASE WHEN c.expected IS DISTINCT FROM c.found
                     THEN concat(c.key, ': expected ', c.expected, ', found ', c.found) END AS example
              FROM ({check}) AS c(key, expected, found)) AS judged
        """
    ).format(check=sql.SQL(statement), shown=sql.Literal(_SHOWN))
    looked_at, off, examples = db.execute(counted).fetchall()[0]
    return Check(name, looked_at, off, examples)
