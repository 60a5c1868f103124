"""The balance of any account at any moment is the sum of what was booked until then, whoever came late."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from functions.finance import seal_ledger
from shared import clock
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from shared.sql.migrate import downgrade, upgrade
from tests.finance.books import IN, A, B, batch, in_parallel, off
from tests.finance.build import Desk, MortalPayouts
from tests.finance.conftest import CREATOR

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PENDING = "creator:7:pending"


def seal(dsn: str) -> None:
    with connect(dsn) as db, clock.frozen(NOON):
        house_connection.use(db)
        try:
            seal_ledger.handler({}, None)
        finally:
            house_connection.use(None)


def wrong(db: Connection, moments: list[datetime]) -> list[tuple[object, ...]]:
    """Where the function and the sum of all postings differ, for all accounts at all moments."""
    return db.execute(
        """
        SELECT a.name, a.currency, t.at, f.balance, s.balance
        FROM finance.ledger_accounts a CROSS JOIN unnest(%s::timestamptz[]) AS t (at)
        CROSS JOIN LATERAL (SELECT finance.balance_at(a.name, t.at, a.currency) AS balance) f
        CROSS JOIN LATERAL (SELECT coalesce(sum(p.amount), 0) AS balance FROM finance.ledger_postings p
                            WHERE p.account_id = a.account_id AND p.at <= t.at) s
        WHERE f.balance IS DISTINCT FROM s.balance
        """,
        (moments,),
    ).fetchall()


def test_balances_of_any_moment_are_sums(fresh_database: Callable[..., str]) -> None:
    """Booked out of order over days, one by one and in batches, in two currencies; sealed and added up in between."""
    dice, dsn = random.Random(7), fresh_database("finance")
    used: list[datetime] = []
    with connect(dsn) as db:
        for round_ in range(6):
            for number in range(12):
                used.append(NOON + timedelta(hours=dice.randint(-40, 40), seconds=dice.randint(0, 3)))
                lines = {IN: -9, A: 4, PENDING: 5} if dice.random() < 0.6 else {"platform:income": 7, PENDING: -7}
                lot = [
                    {"reference": f"{round_}:{number}:{more}", "at": used[-1].isoformat(), "lines": lines,
                     "currency": "CNY" if round_ % 3 else "USDT"}
                    for more in range(dice.choice([1, 1, 3]))
                ]  # fmt: skip
                if len(lot) == 1:
                    db.execute(
                        "SELECT finance.post_entry(%s, 'capture', 'order', 'o1', %s, %s, %s, %s)",
                        (lot[0]["reference"], used[-1], lot[0]["currency"], list(lines), list(lines.values())),
                    )
                else:
                    lot[-1]["at"] = (used[-1] - timedelta(hours=dice.randint(0, 5))).isoformat()
                    batch(db, lot)
            if round_ % 2:
                seal(dsn)
        moments = [moment + timedelta(microseconds=more) for moment in used for more in (-1, 0, 1)]
        assert db.execute("SELECT count(*) FROM finance.ledger_postings WHERE late").fetchall()[0][0] > 10
        assert db.execute("SELECT count(*) FROM finance.ledger_days").fetchall()[0][0] > 5
        assert wrong(db, [*moments, NOON - timedelta(days=9), NOON + timedelta(days=9)]) == []
        assert off(db) == []
        assert db.execute("SELECT finance.balance_at('creator:99:pending', %s)", (NOON,)).fetchall() == [(0,)]


def test_eight_at_once_with_clocks_of_their_own_leave_exact_balances(fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database("finance")

    def post_some(db: Connection, index: int) -> None:
        for turn in range(10):
            db.execute(
                "SELECT finance.post_entry(%s, 'k', 't', '1', %s, 'CNY', %s, %s)",
                (f"{index}:{turn}", NOON + timedelta(seconds=turn * 8 - index * 5), [IN, A, B], [-3, 1, 2]),
            )

    assert in_parallel(dsn, 8, post_some) == [None] * 8
    seal(dsn)
    with connect(dsn) as db:
        assert wrong(db, [NOON + timedelta(seconds=second) for second in range(-40, 80)]) == []
        assert off(db) == []


def test_books_kept_before_know_their_holds_and_moments_afterwards(desk: Desk, fresh_database: Callable[..., str]) -> None:
    """What a house has that ran before: payouts paid, given back and open; it is brought along, and the books hold."""
    desk.vendor = MortalPayouts(("succeeded", "hopeless"))
    desk.earned(CREATOR, 500_000)
    for amount in (50_000, 60_000, 150_000):
        desk.request(CREATOR, amount)
    holds = "SELECT reference, kind, ref_id, account, held_in, amount, posted, status, held_at, ended_at FROM finance.holds ORDER BY 1"
    before = desk.sql(holds)
    assert [row[7] for row in before] == ["posted", "voided", "open"]
    at = desk.at
    house_connection.use(None)
    downgrade(fresh_database(), "0024")
    with connect(fresh_database("finance")) as db:
        for number, hours in enumerate((2, 1, 3)):
            db.execute(
                "SELECT finance.post_entry(%s, 'test', 'test', '1', %s, 'CNY', %s, %s)",
                (f"old:{number}", at + timedelta(hours=hours), ["platform:income", "buyer:7:balance"], [-5, 5]),
            )
    upgrade(fresh_database())
    with connect(fresh_database("finance")) as db:
        assert db.execute(holds).fetchall() == before
        assert [late for (late,) in db.execute(
            "SELECT p.late FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)"
            " WHERE a.name = 'buyer:7:balance' ORDER BY posting_id")] == [None, True, None]  # fmt: skip
        assert wrong(db, [at + timedelta(minutes=minutes) for minutes in range(0, 300, 20)]) == []
        assert off(db) == []
