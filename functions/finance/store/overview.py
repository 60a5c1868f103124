"""Sums over all of the books: what moved through each channel in a span of time, and what is owed at its end."""

from datetime import datetime

from shared.sql.connection import Connection

Moved = tuple[str, str, str, int, int]


def moved(db: Connection, since: datetime, until: datetime) -> list[Moved]:
    """Per platform account, currency and kind of entry: how many entries moved it in `[since, until)`, and by how much."""
    return db.execute(
        """
        SELECT a.name, a.currency, e.kind, count(*), sum(p.amount)::bigint
        FROM finance.ledger_accounts a JOIN finance.ledger_postings p USING (account_id)
        JOIN finance.ledger_entries e USING (entry_id)
        WHERE (a.name LIKE 'channel:%%' OR a.name = 'platform:income') AND p.at >= %s AND p.at < %s
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        (since, until),
    ).fetchall()


def standing(db: Connection, until: datetime, now: datetime) -> tuple[int, int, int, int]:
    """What was owed to creators at a moment; open withdrawals and their sum, and orders waiting for USDT, as of now.

    What was owed then is what is owed now less what moved since, so that the cost is that of the time since.
    """
    return db.execute(
        """
        SELECT coalesce((SELECT sum(a.balance) FROM finance.ledger_accounts a
                         WHERE a.currency = 'CNY' AND a.name ~ '^creator:[0-9]+:(pending|available|frozen)$'), 0)::bigint
               - CASE WHEN %(until)s::timestamptz > %(now)s THEN 0 ELSE coalesce((
                   SELECT sum(p.amount) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
                   WHERE p.at >= %(until)s AND a.currency = 'CNY'
                     AND a.name ~ '^creator:[0-9]+:(pending|available|frozen)$'), 0)::bigint END,
               w.number, w.amount,
               (SELECT count(*) FROM payments.pub_orders o WHERE o.status = 'pending' AND o.channel = 'usdt')
        FROM (SELECT count(*) AS number, coalesce(sum(amount), 0)::bigint AS amount FROM finance.withdrawal_requests
              WHERE status IN ('pending', 'approved', 'processing')) AS w
        """,
        {"until": until, "now": now},
    ).fetchall()[0]
