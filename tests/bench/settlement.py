"""Settling 50 creators with 2,000 orders each: the steps of the run as Step Functions calls them, in a process of its own."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from functions.finance.service import runs
from functions.finance.verify import verify
from shared.sql.connection import Connection, connect, current
from tests.bench.measure import ROOT, Gate

CREATORS, ORDERS = 50, 2_000
FIRST = 5_000_000
_PAID = datetime(2026, 3, 1, 4, tzinfo=UTC)
_EARNINGS = """
    INSERT INTO finance.creator_earnings (creator_id, order_no, source, target_id, channel, gross, channel_fee,
        platform_amount, creator_amount, rate_bp, status, paid_at, available_at, created_at, updated_at)
    SELECT c, 'B' || c || '-' || o, 'content', o, 'alipay', 10000, 60, 1988, 7952, 8000, 'pending', %(paid)s, %(due)s,
        %(paid)s, %(paid)s FROM generate_series(%(first)s, %(last)s) c, generate_series(1, %(orders)s) o
"""
_CAPTURES = """
    SELECT count(*) FROM finance.post_batch((
        SELECT jsonb_agg(jsonb_build_object('reference', 'capture:' || order_no, 'kind', 'capture', 'ref_type', 'order',
            'ref_id', order_no, 'currency', 'CNY', 'at', %(paid)s::timestamptz, 'lines', jsonb_build_object(
                'channel:alipay', -gross, 'platform:fees', channel_fee, 'platform:income', platform_amount,
                'creator:' || creator_id || ':pending', creator_amount)))
        FROM finance.creator_earnings WHERE creator_id = %(creator)s))
"""


def fill(db: Connection, creators: int, orders: int, first: int = FIRST) -> None:
    """Sales of a week ago, in the books as if each had been heard."""
    span = {"first": first, "last": first + creators - 1, "orders": orders, "paid": _PAID, "due": _PAID + timedelta(days=7)}
    db.execute(_EARNINGS, span)
    for creator in range(first, first + creators):
        db.execute(_CAPTURES, {"paid": _PAID, "creator": creator})


def settle(run: str) -> dict[str, int]:
    """The whole run, and the statements that it sent."""
    before = current().statements
    begun = runs.begin({"run": run})
    for page in begun["pages"]:
        runs.settle_page({"run": run, "page": page})
    closed = runs.close({"run": run})
    return {"settlements": closed["settlements"], "amount": closed["amount"], "statements": current().statements - before}


def bench(dsn: str) -> list[Gate]:
    """Three gates: seconds and memory of the run, and what is off in the books after it."""
    with connect(dsn) as db:
        fill(db, CREATORS, ORDERS)
        db.execute("VACUUM ANALYZE finance.creator_earnings, finance.ledger_entries, finance.ledger_postings")
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.settlement", "--dsn", dsn], cwd=ROOT, env=os.environ | {"STAGE": "test"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode:
        raise RuntimeError(said.stderr[-2000:])
    told = json.loads(said.stdout.splitlines()[-1])
    if (told["settlements"], told["amount"]) != (CREATORS, CREATORS * ORDERS * 7952):
        raise RuntimeError(told)
    with connect(dsn) as db:
        off = [check.name for check in verify(db) if check.off]
    name = f"{CREATORS} creators × {ORDERS:,} orders settled"
    return [
        Gate(name, told["seconds"], "seconds", limit=20, detail=f"{told['statements']} statements"),
        Gate("memory for it", told["megabytes"], "MB", limit=128, detail="the process at its largest"),
        Gate("checks of the books that fail after it", len(off), "checks", limit=0, detail=", ".join(off)),
    ]


def main() -> None:
    """Settle what `bench` laid out; one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    os.environ["DATABASE_URL"] = parser.parse_args().dsn
    started = time.perf_counter()
    told = settle("bench")
    seconds = time.perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({**told, "seconds": seconds, "megabytes": megabytes}) + "\n")


if __name__ == "__main__":
    main()
