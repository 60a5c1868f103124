"""Runs of the settlement: who is due in pages, one run at a time, and whether what it settled ties out."""

from dataclasses import dataclass
from datetime import datetime

from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Sums:
    """What a run came to: its settlements, how many of them are off, and who is still due."""

    settlements: int
    amount: int
    off: int
    creators_left: int


def claim(db: Connection, run: str, now: datetime, silent_since: datetime) -> bool:
    """Begin a run, or go on with it; False when it is over, or another one is under way.

    One that began before `silent_since` died, and gives way: who comes next answers for what it settled.
    """
    if db.execute("SELECT 1 FROM finance.settlement_runs WHERE run = %s AND finished_at IS NOT NULL", (run,)).fetchone():
        return False
    lost = db.execute(
        """
        UPDATE finance.settlement_runs SET status = 'lost' WHERE status = 'running' AND started_at < %s AND run <> %s
        RETURNING run
        """,
        (silent_since, run),
    ).fetchall()
    db.execute(
        """
        INSERT INTO finance.settlement_runs (run, status, started_at) VALUES (%s, 'running', %s) ON CONFLICT DO NOTHING
        """,
        (run, now),
    )
    if lost:
        db.execute("UPDATE finance.settlements SET run = %s WHERE run = ANY(%s)", (run, [row[0] for row in lost]))
    return db.execute("SELECT 1 FROM finance.settlement_runs WHERE run = %s", (run,)).fetchone() is not None


def begun_at(db: Connection) -> datetime | None:
    """When the run began that has not ended."""
    row = db.execute("SELECT started_at FROM finance.settlement_runs WHERE status = 'running'").fetchone()
    return None if row is None else row[0]


def due_pages(db: Connection, now: datetime, *, size: int, most: int) -> list[tuple[int, int]]:
    """Creators with earnings past their hold, or a debt, in pages: the first and the last number of each."""
    return db.execute(
        """
        WITH due AS (
            SELECT DISTINCT creator_id FROM finance.creator_earnings WHERE status = 'pending' AND available_at <= %(now)s
            UNION SELECT creator_id FROM finance.earning_reversals WHERE after_settlement AND settlement_id IS NULL
        )
        SELECT min(creator_id), max(creator_id)
        FROM (SELECT creator_id, (row_number() OVER (ORDER BY creator_id) - 1) / %(size)s AS page FROM due) AS numbered
        GROUP BY page ORDER BY page LIMIT %(most)s
        """,
        {"now": now, "size": size, "most": most},
    ).fetchall()


def creators_due(db: Connection, now: datetime, first: int, last: int) -> list[int]:
    """The creators of a page who are still due."""
    rows = db.execute(
        """
        SELECT DISTINCT creator_id FROM finance.creator_earnings
        WHERE status = 'pending' AND available_at <= %(now)s AND creator_id BETWEEN %(first)s AND %(last)s
        UNION SELECT creator_id FROM finance.earning_reversals
        WHERE after_settlement AND settlement_id IS NULL AND creator_id BETWEEN %(first)s AND %(last)s
        ORDER BY 1
        """,
        {"now": now, "first": first, "last": last},
    ).fetchall()
    return [row[0] for row in rows]


def tie_out(db: Connection, run: str) -> Sums:
    """Compare each settlement of a run with the ledger, and with the earnings and refunds it settled; count who is left."""
    row = db.execute(
        """
        WITH mine AS (
            SELECT * FROM finance.settlements WHERE run = %(run)s
        ), posted AS (
            SELECT m.settlement_id, sum(p.amount) AS amount
            FROM mine m CROSS JOIN LATERAL generate_series(1, m.batches) AS batch
            JOIN finance.ledger_entries e ON e.reference = 'settlement:' || m.settlement_id || ':' || batch
            JOIN finance.ledger_postings p USING (entry_id)
            JOIN finance.ledger_accounts a ON a.account_id = p.account_id AND a.name = 'creator:' || m.creator_id || ':available'
            GROUP BY m.settlement_id
        ), parts AS (
            SELECT e.settlement_id, e.gross, 0::bigint AS refund, e.channel_fee, e.platform_amount, e.creator_amount
            FROM mine m JOIN finance.creator_earnings e USING (settlement_id)
            UNION ALL
            SELECT e.settlement_id, 0, r.amount, -r.channel_fee, -r.platform_amount, -r.creator_amount
            FROM mine m JOIN finance.creator_earnings e USING (settlement_id)
            JOIN finance.earning_reversals r ON r.earning_id = e.earning_id AND NOT r.after_settlement
            UNION ALL
            SELECT r.settlement_id, 0, r.amount, -r.channel_fee, -r.platform_amount, -r.creator_amount
            FROM mine m JOIN finance.earning_reversals r USING (settlement_id) WHERE r.after_settlement
        ), settled AS (
            SELECT settlement_id, sum(gross) AS gross, sum(refund) AS refund, sum(channel_fee) AS channel_fee,
                   sum(platform_amount) AS platform_amount, sum(creator_amount) AS creator_amount
            FROM parts GROUP BY settlement_id
        )
        SELECT count(*), coalesce(sum(m.creator_amount), 0)::bigint, count(*) FILTER (WHERE
                   (m.gross, m.refund, m.channel_fee, m.platform_amount, m.creator_amount) IS DISTINCT FROM
                   (s.gross, s.refund, s.channel_fee, s.platform_amount, s.creator_amount)
                   OR m.creator_amount <> coalesce(p.amount, 0)),
               (SELECT count(DISTINCT c.creator_id) FROM finance.creator_earnings c, finance.settlement_runs r
                WHERE r.run = %(run)s AND c.status = 'pending' AND c.available_at <= r.started_at)
        FROM mine m LEFT JOIN settled s USING (settlement_id) LEFT JOIN posted p USING (settlement_id)
        """,
        {"run": run},
    ).fetchall()[0]
    return Sums(*row)


def finish(db: Connection, run: str, sums: Sums, now: datetime) -> None:
    """Write down what a run came to."""
    db.execute(
        """
        UPDATE finance.settlement_runs SET status = CASE WHEN %(off)s = 0 THEN 'tied' ELSE 'untied' END,
            settlements = %(settlements)s, amount = %(amount)s, creators_left = %(left)s, off = %(off)s, finished_at = %(now)s
        WHERE run = %(run)s
        """,
        {
            "run": run,
            "settlements": sums.settlements,
            "amount": sums.amount,
            "left": sums.creators_left,
            "off": sums.off,
            "now": now,
        },
    )
