"""What is agreed with a creator: share rates by kind from a day on, and how long earnings are held."""

from dataclasses import dataclass
from datetime import date, datetime

from functions.finance.sources import RateKind
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one sale, frozen on its line."""

    rate_kind: str
    rate_bp: int
    hold_days: int


def of_sale(db: Connection, creator_id: int, rated: str, target_id: int, *, day: date, default: Terms) -> Terms:
    """The terms of what a creator sells on a day, the house's default where none are agreed.

    A rate of the very kind goes before the general one, however old. What is no work any more has no kind.
    """
    row = db.execute(
        """
        SELECT s.rate_kind, coalesce((
            SELECT r.rate_bp FROM finance.creator_share_rates r
            WHERE r.creator_id = %(creator_id)s AND r.effective_from <= %(day)s AND r.kind IN ('any', s.rate_kind)
            ORDER BY r.kind = 'any', r.effective_from DESC LIMIT 1
        ), %(rate_bp)s), coalesce(
            (SELECT t.hold_days FROM finance.settlement_terms t WHERE t.creator_id = %(creator_id)s), %(hold_days)s)
        FROM (SELECT CASE WHEN %(rated)s <> 'work' THEN %(rated)s
                  ELSE coalesce((SELECT c.kind FROM content.pub_contents c WHERE c.content_id = %(target_id)s), 'any')
              END AS rate_kind) s
        """,
        {
            "creator_id": creator_id,
            "rated": rated,
            "target_id": target_id,
            "day": day,
            "rate_bp": default.rate_bp,
            "hold_days": default.hold_days,
        },
    ).fetchall()[0]
    return Terms(*row)


def set_rate(
    db: Connection,
    *,
    creator_id: int,
    kind: str,
    rate_bp: int,
    effective_from: date,
    by: int,
    reason: str | None,
    now: datetime,
) -> int | None:
    """Store a rate from a day on; the rate that was set for that very day before, if there was one."""
    row = db.execute(
        """
        WITH before AS (
            SELECT rate_bp FROM finance.creator_share_rates
            WHERE creator_id = %(creator_id)s AND kind = %(kind)s AND effective_from = %(day)s
        ), stored AS (
            INSERT INTO finance.creator_share_rates (creator_id, kind, rate_bp, effective_from, set_by, reason, created_at)
            VALUES (%(creator_id)s, %(kind)s, %(rate_bp)s, %(day)s, %(by)s, %(reason)s, %(now)s)
            ON CONFLICT (creator_id, kind, effective_from) DO UPDATE SET rate_bp = excluded.rate_bp,
                set_by = excluded.set_by, reason = excluded.reason, created_at = excluded.created_at
        )
        SELECT rate_bp FROM before
        """,
        {
            "creator_id": creator_id, "kind": kind, "rate_bp": rate_bp, "day": effective_from, "by": by, "reason": reason,
            "now": now,
        },
    ).fetchone()  # fmt: skip
    return None if row is None else int(row[0])


def set_hold(db: Connection, *, creator_id: int, days: int | None, by: int, reason: str | None, now: datetime) -> int | None:
    """Store how long earnings of later sales are held, None for the house's default; what it was."""
    before = db.execute(
        "SELECT hold_days FROM finance.settlement_terms WHERE creator_id = %s FOR UPDATE", (creator_id,)
    ).fetchone()
    if days is None:
        db.execute("DELETE FROM finance.settlement_terms WHERE creator_id = %s", (creator_id,))
    else:
        db.execute(
            """
            INSERT INTO finance.settlement_terms (creator_id, hold_days, set_by, reason, set_at) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (creator_id) DO UPDATE SET hold_days = excluded.hold_days, set_by = excluded.set_by,
                reason = excluded.reason, set_at = excluded.set_at
            """,
            (creator_id, days, by, reason, now),
        )
    return None if before is None else int(before[0])


def is_creator(db: Connection, uid: int) -> bool:
    """Whether somebody may sell."""
    row = db.execute("SELECT is_creator FROM identity.pub_profiles WHERE uid = %s", (uid,)).fetchone()
    return bool(row and row[0])


def rates(db: Connection, creator_id: int) -> list[tuple[RateKind | None, int, date]]:
    """The creator's own rates, the latest first: kind (None for the general one), basis points, first day."""
    return db.execute(
        """
        SELECT nullif(kind, 'any'), rate_bp, effective_from FROM finance.creator_share_rates WHERE creator_id = %s
        ORDER BY effective_from DESC, kind LIMIT 1000
        """,
        (creator_id,),
    ).fetchall()
