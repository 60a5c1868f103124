"""Sums over a span of the books, by period: what the platform's accounts, its settlements and its invoices say.

Every event the platform reports moves an account of its own, of which there are few; the index by account and time leads to
them. What an entry moved beside those is a creator's or a buyer's, and so what is left to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, LiteralString

from psycopg.rows import class_row

from functions.finance.report import By, Period
from shared.sql.connection import Connection

Sums = tuple[date | None, int, int]


@dataclass(frozen=True, slots=True)
class Moved:
    """The entries of one kind in a period, of one channel or one thing sold where told apart, and the sums of their lines.

    `owned` is what they credited to creators and buyers together.
    """

    period_start: date
    kind: str
    split: str | None
    number: int
    channel: int
    fees: int
    income: int
    marketing: int
    losses: int
    disputes: int
    payouts: int
    owned: int


_MOVED: Final[LiteralString] = """
    WITH entry AS (
        SELECT p.entry_id, max(substr(a.name, 9)) FILTER (WHERE a.name LIKE 'channel:%%') AS way,
               coalesce(sum(p.amount) FILTER (WHERE a.name LIKE 'channel:%%'), 0) AS channel,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:fees'), 0) AS fees,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:income'), 0) AS income,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:marketing'), 0) AS marketing,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:losses'), 0) AS losses,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:disputes'), 0) AS disputes,
               coalesce(sum(p.amount) FILTER (WHERE a.name = 'platform:payouts'), 0) AS payouts,
               -sum(p.amount) AS owned
        FROM finance.ledger_accounts a JOIN finance.ledger_postings p USING (account_id)
        WHERE a.kind = 'platform' AND a.currency = 'CNY' AND p.at >= %(since)s AND p.at < %(until)s
        GROUP BY p.entry_id
    )
    SELECT date_trunc(%(period)s, e.at AT TIME ZONE 'Asia/Shanghai')::date AS period_start, e.kind,
           CASE %(by)s WHEN 'channel' THEN coalesce(m.way, b.channel) WHEN 'kind' THEN c.source END AS split,
           count(*) AS number, sum(m.channel)::bigint AS channel, sum(m.fees)::bigint AS fees,
           sum(m.income)::bigint AS income, sum(m.marketing)::bigint AS marketing, sum(m.losses)::bigint AS losses,
           sum(m.disputes)::bigint AS disputes, sum(m.payouts)::bigint AS payouts, sum(m.owned)::bigint AS owned
    FROM entry m JOIN finance.ledger_entries e USING (entry_id)
    LEFT JOIN finance.chargebacks b ON %(by)s <> ''
        AND b.chargeback_id = CASE WHEN e.kind = 'chargeback_lost' THEN e.ref_id::bigint END
    LEFT JOIN finance.creator_earnings c ON %(by)s = 'kind' AND c.kind = 'sale'
        AND c.order_no = CASE WHEN e.kind IN ('capture', 'refund') THEN e.ref_id ELSE b.order_no END
    WHERE %(kinds)s::text[] IS NULL OR e.kind = ANY(%(kinds)s)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def moved(
    db: Connection, period: Period, span: tuple[datetime, datetime], by: By | None = None, kinds: Sequence[str] | None = None
) -> list[Moved]:
    """What each kind of entry moved in CNY, by period; all kinds unless told which."""
    parameters = {"period": period, "since": span[0], "until": span[1], "by": by or "", "kinds": kinds and list(kinds)}
    with db.cursor(row_factory=class_row(Moved)) as cursor:
        return cursor.execute(_MOVED, parameters).fetchall()


def usdt(db: Connection, since: datetime, until: datetime) -> int:
    """What the channel of USDT gained, in millionths: as the overview has it."""
    row = db.execute(
        """
        SELECT coalesce(-sum(p.amount), 0)::bigint FROM finance.ledger_accounts a
        JOIN finance.ledger_postings p USING (account_id)
        WHERE a.name = 'channel:usdt' AND a.currency = 'USDT' AND p.at >= %s AND p.at < %s
        """,
        (since, until),
    ).fetchone()
    return 0 if row is None else int(row[0])


def settled(db: Connection, period: Period, since: datetime, until: datetime) -> list[tuple[date, int, int, int]]:
    """By period: how many batches were settled, what they made available, and what they collected of debts.

    From the entries: a settlement's row carries all of its batches under the time of the last one.
    """
    return db.execute(
        """
        SELECT date_trunc(%(period)s, e.at AT TIME ZONE 'Asia/Shanghai')::date, count(*),
               coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0)::bigint,
               coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0)::bigint
        FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
        JOIN finance.ledger_accounts a USING (account_id)
        WHERE e.ref_type = 'settlement' AND e.kind = 'settlement' AND e.at >= %(since)s AND e.at < %(until)s
          AND a.name LIKE 'creator:%%:available'
        GROUP BY 1 ORDER BY 1
        """,
        {"period": period, "since": since, "until": until},
    ).fetchall()


def taxed(db: Connection, period: Period, since: datetime, until: datetime) -> list[tuple[date, int, int, int, int]]:
    """By period: blue and red invoices issued, and their tax and amounts less those of the red ones."""
    return db.execute(
        """
        SELECT date_trunc(%(period)s, issued_at AT TIME ZONE 'Asia/Shanghai')::date,
               count(*) FILTER (WHERE kind = 'blue'), count(*) FILTER (WHERE kind = 'red'),
               sum(tax_amount)::bigint, sum(amount)::bigint
        FROM finance.invoices WHERE issued_at >= %(since)s AND issued_at < %(until)s GROUP BY 1 ORDER BY 1
        """,
        {"period": period, "since": since, "until": until},
    ).fetchall()


def standing(db: Connection, period: Period, since: datetime, until: datetime) -> list[tuple[str, date | None, int, int]]:
    """What channels, payouts, the platform's other accounts and buyers' held before a moment (no date), and by period how
    many entries moved each and by how much. `all` counts the entries of a period whatever they moved.
    """
    return db.execute(
        """
        WITH account AS (
            SELECT account_id, name, kind, balance,
                   CASE WHEN name LIKE 'channel:%%' THEN 'channels' WHEN name = 'platform:payouts' THEN 'payouts'
                        WHEN kind = 'platform' THEN 'platform' ELSE 'buyers' END AS what
            FROM finance.ledger_accounts WHERE currency = 'CNY' AND (kind = 'platform' OR name LIKE 'buyer:%%')
        )
        SELECT what, NULL::date AS period_start, 0, sum(CASE WHEN kind = 'platform'
                   THEN finance.balance_at(name, %(since)s::timestamptz - interval '1 microsecond')
                   ELSE balance - coalesce((SELECT sum(p.amount) FROM finance.ledger_postings p
                                            WHERE p.account_id = account.account_id AND p.at >= %(since)s), 0) END)::bigint
        FROM account GROUP BY 1
        UNION ALL
        SELECT CASE WHEN grouping(what) = 1 THEN 'all' ELSE what END,
               date_trunc(%(period)s, p.at AT TIME ZONE 'Asia/Shanghai')::date AS moved_in, count(DISTINCT p.entry_id),
               sum(p.amount)::bigint
        FROM account JOIN finance.ledger_postings p USING (account_id)
        WHERE p.at >= %(since)s AND p.at < %(until)s
        GROUP BY GROUPING SETS ((moved_in, what), (moved_in))
        """,
        {"period": period, "since": since, "until": until},
    ).fetchall()


def taxes_of(db: Connection, accounts: Sequence[str], creator_id: int, since: datetime, until: datetime) -> list[Sums]:
    """What a creator earned and what was taken back of it, by month; at last, without a month, what of it was invoiced.

    An order's invoice is the live one, since what failed was never issued; a red one takes back the order it names.
    """
    return db.execute(
        """
        SELECT date_trunc('month', e.at AT TIME ZONE 'Asia/Shanghai')::date AS month,
               coalesce(sum(p.amount) FILTER (WHERE e.kind IN ('capture', 'pool', 'adjustment')), 0)::bigint,
               coalesce(-sum(p.amount) FILTER (WHERE e.kind IN ('refund', 'chargeback_lost')), 0)::bigint
        FROM finance.ledger_accounts a JOIN finance.ledger_postings p USING (account_id)
        JOIN finance.ledger_entries e USING (entry_id)
        WHERE a.name = ANY(%(accounts)s) AND a.currency = 'CNY' AND p.at >= %(since)s AND p.at < %(until)s
        GROUP BY 1
        UNION ALL
        SELECT NULL, coalesce(sum(o.amount) FILTER (WHERE i.issued_at >= %(since)s AND i.issued_at < %(until)s), 0)::bigint,
               coalesce(-sum(r.amount), 0)::bigint
        FROM finance.creator_earnings c
        JOIN finance.invoice_orders o ON o.order_no = c.order_no AND o.live
        JOIN finance.invoices i ON i.invoice_id = o.invoice_id AND i.issued_at IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT sum(amount) AS amount FROM finance.invoices
            WHERE original_id = i.invoice_id AND kind = 'red' AND order_nos = ARRAY[c.order_no]
              AND issued_at >= %(since)s AND issued_at < %(until)s
        ) r ON true
        WHERE c.creator_id = %(creator_id)s
        """,
        {"accounts": list(accounts), "creator_id": creator_id, "since": since, "until": until},
    ).fetchall()
