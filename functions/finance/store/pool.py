"""The pool of membership income: rules by month, what came in, who shares it, and what each got."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.sql.connection import Connection

Way = Literal["equal", "weights", "usage"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How much of a month's membership income is shared, from a month on, and how: see `members`."""

    effective_from: date
    way: Way
    share_bp: int


@dataclass(frozen=True, slots=True)
class Split:
    """A month that was shared."""

    month: date
    way: Way
    share_bp: int
    income: int
    amount: int
    creators: int


def set_rule(
    db: Connection, rule: Rule, weights: Sequence[tuple[int, int]], *, by: int, reason: str | None, now: datetime
) -> None:
    """Store the rule of a month and the following ones, in place of what was set for that month before."""
    db.execute(
        """
        INSERT INTO finance.pool_rules (effective_from, rule, share_bp, set_by, reason, set_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (effective_from) DO UPDATE SET rule = excluded.rule, share_bp = excluded.share_bp,
            set_by = excluded.set_by, reason = excluded.reason, set_at = excluded.set_at
        """,
        (rule.effective_from, rule.way, rule.share_bp, by, reason, now),
    )
    db.execute("DELETE FROM finance.pool_weights WHERE effective_from = %s", (rule.effective_from,))
    db.execute(
        """
        INSERT INTO finance.pool_weights (effective_from, creator_id, weight)
        SELECT %s, * FROM unnest(%s::bigint[], %s::int[])
        """,
        (rule.effective_from, [creator for creator, _ in weights], [weight for _, weight in weights]),
    )


def unknown_creators(db: Connection, uids: Sequence[int]) -> list[int]:
    """Those of them who may not sell."""
    rows = db.execute(
        """
        SELECT u FROM unnest(%s::bigint[]) AS u
        WHERE NOT EXISTS (SELECT FROM identity.pub_profiles p WHERE p.uid = u AND p.is_creator) ORDER BY u
        """,
        (list(uids),),
    ).fetchall()
    return [row[0] for row in rows]


def rule_of(db: Connection, month: date) -> Rule | None:
    """The rule in force in a month."""
    row = db.execute(
        """
        SELECT effective_from, rule, share_bp FROM finance.pool_rules WHERE effective_from <= %s
        ORDER BY effective_from DESC LIMIT 1
        """,
        (month,),
    ).fetchone()
    return None if row is None else Rule(*row)


def income(db: Connection, since: datetime, until: datetime) -> int:
    """What memberships sold in `[since, until)` brought the platform, less what went back in that time."""
    row = db.execute(
        """
        SELECT coalesce((SELECT sum(e.platform_amount) FROM finance.creator_earnings e
                         WHERE e.source = 'membership' AND e.creator_id = 0 AND e.paid_at >= %(since)s AND e.paid_at < %(until)s), 0)
             - coalesce((SELECT sum(r.platform_amount) FROM finance.earning_reversals r
                         JOIN finance.creator_earnings e USING (earning_id)
                         WHERE e.source = 'membership' AND r.creator_id = 0
                           AND r.refunded_at >= %(since)s AND r.refunded_at < %(until)s), 0)
        """,
        {"since": since, "until": until},
    ).fetchall()[0]
    return int(row[0])


def members(db: Connection, rule: Rule, since: datetime, until: datetime) -> list[tuple[int, int]]:
    """Who shares a month, by number, and with what weight.

    `equal`: every author with published works, alike. `weights`: as the rule says. `usage`: sales of each creator in
    `[since, until)` that were not given back, which is all that finance knows of what members use.
    """
    return db.execute(
        """
        SELECT a.author_id, 1 FROM (SELECT DISTINCT author_id FROM content.pub_publishing_authors) a
        JOIN identity.pub_profiles p ON p.uid = a.author_id AND p.is_creator WHERE %(way)s = 'equal'
        UNION ALL
        SELECT creator_id, weight FROM finance.pool_weights WHERE %(way)s = 'weights' AND effective_from = %(from)s
        UNION ALL
        SELECT creator_id, count(*)::int FROM finance.creator_earnings
        WHERE %(way)s = 'usage' AND kind = 'sale' AND creator_id <> 0 AND status <> 'reversed'
          AND paid_at >= %(since)s AND paid_at < %(until)s GROUP BY creator_id
        ORDER BY 1
        """,
        {"way": rule.way, "from": rule.effective_from, "since": since, "until": until},
    ).fetchall()


def split_of(db: Connection, month: date) -> Split | None:
    """What became of a month."""
    row = db.execute(
        "SELECT month, rule, share_bp, income, amount, creators FROM finance.pool_splits WHERE month = %s", (month,)
    ).fetchone()
    return None if row is None else Split(*row)


def unsplit_months(db: Connection, last: date) -> list[date]:
    """Months under a rule that were not shared yet, until the last one; a year at a time."""
    rows = db.execute(
        """
        SELECT m::date FROM generate_series((SELECT min(effective_from) FROM finance.pool_rules)::timestamp, %s::timestamp,
                                            '1 month') AS m
        WHERE NOT EXISTS (SELECT FROM finance.pool_splits s WHERE s.month = m::date) ORDER BY 1 LIMIT 12
        """,
        (last,),
    ).fetchall()
    return [row[0] for row in rows]


def add_split(db: Connection, split: Split, now: datetime) -> bool:
    """Write down that a month is shared; False when it was."""
    row = db.execute(
        """
        INSERT INTO finance.pool_splits (month, rule, share_bp, income, amount, creators, split_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1
        """,
        (split.month, split.way, split.share_bp, split.income, split.amount, split.creators, now),
    ).fetchone()
    return row is not None


def add_shares(db: Connection, name: str, shares: Sequence[tuple[int, int]], now: datetime) -> None:
    """Book each creator's share as an earning that is due at once, and post it from the pool: `name` is that of the month."""
    db.execute(
        """
        INSERT INTO finance.creator_earnings (creator_id, order_no, kind, source, target_id, channel, gross, channel_fee,
            platform_amount, creator_amount, rate_bp, status, paid_at, available_at, created_at, updated_at)
        SELECT s.creator_id, %(name)s, 'pool', 'pool', 0, 'pool', s.amount, 0, 0, s.amount, 10000, 'pending', %(now)s, %(now)s,
               %(now)s, %(now)s FROM unnest(%(creators)s::bigint[], %(amounts)s::bigint[]) AS s(creator_id, amount)
        """,
        {"name": name, "now": now, "creators": [one for one, _ in shares], "amounts": [amount for _, amount in shares]},
    )
    db.execute(
        """
        SELECT count(*) FROM finance.post_batch((
            SELECT jsonb_agg(jsonb_build_object('reference', order_no || ':' || creator_id, 'kind', 'pool', 'ref_type', 'pool',
                'ref_id', order_no, 'currency', 'CNY', 'at', %(now)s::timestamptz, 'lines', jsonb_build_object(
                    'platform:pool', -creator_amount, 'creator:' || creator_id || ':pending', creator_amount))
                ORDER BY creator_id)
            FROM finance.creator_earnings WHERE kind = 'pool' AND order_no = %(name)s))
        """,
        {"name": name, "now": now},
    )
