"""Sealing the ledger and proving a million postings of it; and what sealing costs those who post meanwhile."""

import multiprocessing
import os
import time
from multiprocessing.synchronize import Event
from statistics import median

from moto import mock_aws
from psycopg.conninfo import make_conninfo

from functions.finance.service import proof
from functions.finance.store.ledger_chain import BOOKS
from shared import aws
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from tests.bench import ledger
from tests.bench.measure import Gate

POSTINGS = 1_000_000
_LIMIT_SECONDS = 60
_ROUNDS = 3
_OURS = "our posting (store.ledger.post)"
# As post_batch writes them, without its call: a million postings through it take two minutes.
_FILL = """
WITH made AS (
    INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)
    SELECT 'bench-' || g, 'bench', 'bench', 'o', 'CNY', timestamptz '2026-03-02' + g * interval '1 second'
    FROM generate_series(1, %(entries)s) g RETURNING entry_id, at
), placed AS (
    SELECT m.entry_id, m.at, o.account_id, o.balance, c.account_id AS channel,
           row_number() OVER (PARTITION BY o.account_id ORDER BY m.entry_id) AS n
    FROM made m JOIN finance.ledger_accounts o ON o.name = 'buyer:' || (1 + m.entry_id %% 500) || ':balance'
    JOIN finance.ledger_accounts c ON c.name = 'channel:alipay'
), written AS (
    INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at)
    SELECT entry_id, l.account_id, l.amount, l.balance_after, at FROM placed p CROSS JOIN LATERAL (VALUES
        (p.account_id, 100::bigint, p.balance + 100 * p.n), (p.channel, -100::bigint, NULL)) AS l (account_id, amount, balance_after)
    ORDER BY entry_id RETURNING account_id, amount, balance_after, at
)
UPDATE finance.ledger_accounts a SET balance = a.balance + w.amount, last_at = w.at
FROM (SELECT account_id, sum(amount) AS amount, max(at) AS at FROM written WHERE balance_after IS NOT NULL GROUP BY 1) w
WHERE a.account_id = w.account_id
"""


def bench(dsn: str) -> list[Gate]:
    """Three gates: posting beside a sealer, sealing beside writing, and the whole proof with its anchors."""
    ledger.seed(dsn)
    beside = _beside_a_sealer(dsn)
    with connect(dsn) as db:
        (there,) = db.execute("SELECT count(*) FROM finance.ledger_postings").fetchall()[0]
        wanted = (POSTINGS - there) // 2
        started = time.perf_counter()
        db.execute(_FILL, {"entries": wanted})
        filled = time.perf_counter() - started
    with mock_aws(), connect(make_conninfo(dsn, user="finance")) as serving, connect(dsn) as db:
        os.environ["BUCKET_AUDIT"] = "bench"
        aws.client("s3").create_bucket(Bucket="bench")
        house_connection.use(serving)
        started = time.perf_counter()
        sealed = proof.seal()
        sealing = time.perf_counter() - started
        BOOKS.anchor()
        db.execute("VACUUM ANALYZE")
        started = time.perf_counter()
        proved = proof.examine(db, None)
        proving = time.perf_counter() - started
        house_connection.use(None)
    if not proved.holds or sealed < wanted:
        raise ledger.BooksBrokenError(proved.faults)
    return [
        Gate("ledger posting beside a sealer that works every second", beside, "without it", 0.7, at_least=True),
        Gate(
            "ledger entries sealed and added up",
            sealing / filled,
            "writing them in bulk",
            limit=4,
            detail=f"{sealed:,} entries in {sealing:.0f} s",
        ),
        Gate(
            "ledger proved: balances, sums, chain, anchors",
            proving,
            "absolute, s",
            limit=_LIMIT_SECONDS,
            detail=f"{POSTINGS:,} postings, {proved.chain.checked:,} entries, {proved.chain.anchors} anchors",
        ),
    ]


def _beside_a_sealer(dsn: str) -> float:
    """Our posting by four clients while another process seals every second, to the same before and after without one."""
    role = make_conninfo(dsn, user="finance")
    _seal_once(role)
    spawn = multiprocessing.get_context("spawn")
    ratios = []
    before = _posting(dsn)
    for _ in range(_ROUNDS):
        begun, ends = spawn.Event(), spawn.Event()
        sealer = spawn.Process(target=_seal_on, args=(role, begun, ends))
        sealer.start()
        begun.wait(60)
        beside = _posting(dsn)
        ends.set()
        sealer.join()
        after = _posting(dsn)
        ratios.append(2 * beside / (before + after))
        before = after
    return median(ratios)


def _posting(dsn: str) -> float:
    return ledger.measure(dsn, _OURS, ledger.OWNERS["spread"], 4, 3.0)


def _seal_on(dsn: str, begun: Event, ends: Event) -> None:
    """Sixty times as often as the schedule."""
    _seal_once(dsn)
    begun.set()
    while not ends.wait(1.0):
        _seal_once(dsn)


def _seal_once(dsn: str) -> None:
    with connect(dsn) as db:
        house_connection.use(db)
        proof.seal()
        house_connection.use(None)
