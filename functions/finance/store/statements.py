"""What a creator's account shows: sums by day, month, content or plan, and the movements of a month."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow

from functions.finance.models import creator_account
from functions.finance.withdrawal import Status
from shared.sql.connection import Connection

Sums = tuple[int, int, int, int]


def summary(
    db: Connection, creator_id: int, group_by: str, since: datetime | None, until: datetime | None
) -> list[tuple[str | None, bool, Sums]]:
    """Gross, fee, platform's and creator's part by key, net of refunds on the day they happened, and in all (True).

    What has no key of the kind asked for, say a subscription when grouping by content, counts in the total only.
    """
    rows = db.execute(
        """
        WITH moved AS (
            SELECT paid_at AS at, source, target_id, order_no, gross, channel_fee, platform_amount, creator_amount
            FROM finance.creator_earnings WHERE creator_id = %(creator_id)s
            UNION ALL
            SELECT r.refunded_at, e.source, e.target_id, e.order_no, -r.amount, -r.channel_fee, -r.platform_amount,
                   -r.creator_amount
            FROM finance.earning_reversals r JOIN finance.creator_earnings e USING (earning_id)
            WHERE r.creator_id = %(creator_id)s
        ), keyed AS (
            SELECT m.*, CASE %(group_by)s
                WHEN 'day' THEN to_char(m.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')
                WHEN 'month' THEN to_char(m.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')
                WHEN 'content' THEN CASE WHEN m.source = 'content' THEN m.target_id::text END
                ELSE p.plan_id::text END AS key
            FROM moved m LEFT JOIN subscriptions.pub_order_plans p ON %(group_by)s = 'plan' AND p.order_no = m.order_no
            WHERE (%(since)s::timestamptz IS NULL OR m.at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR m.at < %(until)s)
        )
        SELECT key, grouping(key) = 1, coalesce(sum(gross), 0)::bigint, coalesce(sum(channel_fee), 0)::bigint,
               coalesce(sum(platform_amount), 0)::bigint, coalesce(sum(creator_amount), 0)::bigint
        FROM keyed GROUP BY GROUPING SETS ((key), ()) ORDER BY 2, 1
        """,
        {"creator_id": creator_id, "group_by": group_by, "since": since, "until": until},
    ).fetchall()
    return [(key, total, (gross, fee, platform, creator)) for key, total, gross, fee, platform, creator in rows]


_MOVEMENTS: LiteralString = """
    WITH own AS (
        SELECT account_id FROM finance.ledger_accounts WHERE name = ANY(%(names)s) AND currency = 'CNY'
    ), opening AS (
        SELECT coalesce(sum(p.amount), 0)::bigint AS amount FROM finance.ledger_postings p JOIN own USING (account_id)
        WHERE p.at < %(since)s
    ), moved AS (
        SELECT p.entry_id, sum(p.amount)::bigint AS amount FROM finance.ledger_postings p JOIN own USING (account_id)
        WHERE p.at >= %(since)s AND p.at < %(until)s GROUP BY p.entry_id HAVING sum(p.amount) <> 0
    )
    SELECT o.amount, e.at, e.kind, e.ref_id, m.amount, CASE WHEN e.kind = 'payout' THEN coalesce((
               SELECT f.amount FROM finance.ledger_postings f JOIN finance.ledger_accounts a USING (account_id)
               WHERE f.entry_id = e.entry_id AND a.name = 'platform:income'), 0) ELSE 0 END
    FROM opening o LEFT JOIN moved m ON true LEFT JOIN finance.ledger_entries e ON e.entry_id = m.entry_id
    ORDER BY e.at, e.entry_id
"""
_FETCHED = 2_000

Movement = tuple[datetime, str, str, int, int]


def movements(db: Connection, creator_id: int, since: datetime, until: datetime) -> tuple[int, Iterator[Movement]]:
    """What was owed before a moment, and each entry that changed it until another: time, kind, reference, amount, fee.

    Entries that only move money between pending, available and frozen change nothing that is owed. They come a few
    thousand at a time, so this runs in a transaction.
    """
    names = [creator_account(creator_id, part) for part in ("pending", "available", "frozen")]
    cursor = db.cursor("movements")
    cursor.itersize = _FETCHED
    cursor.execute(_MOVEMENTS, {"names": names, "since": since, "until": until})
    first = cursor.fetchone()
    assert first is not None  # noqa: S101 - narrows the type: the opening balance is always a row
    return first[0], _moved(cursor, first)


def _moved(cursor: psycopg.ServerCursor[TupleRow], first: TupleRow) -> Iterator[Movement]:
    with cursor:
        for row in chain((first,), cursor):
            if row[1] is not None:
                yield row[1], row[2], row[3], row[4], row[5]


def steps(db: Connection, withdrawal_id: int) -> list[tuple[Status, datetime, str | None]]:
    """The states a payout came to, in order."""
    return db.execute(
        "SELECT status, at, comment FROM finance.withdrawal_steps WHERE withdrawal_id = %s ORDER BY step_id",
        (withdrawal_id,),
    ).fetchall()
