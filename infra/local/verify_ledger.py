"""`make verify-ledger`: every figure of the books computed again from the postings, every entry held against its seal and the
seals against their anchors; the exit code says whether all hold.
"""

import argparse
import os
import sys
import time

from functions.finance.service.proof import Proof, examine, examine_unanchored
from infra.local.command import exit_code
from infra.local.outputs import read_outputs
from infra.local.postgres import Postgres
from infra.local.progress import Progress
from infra.local.sealed_logs import faults, rows
from infra.local.settings import Local, Unusable, aws_environment
from shared.sql.connection import connect


def main(arguments: list[str] | None = None) -> None:
    """Check the books of `--dsn`, of LOCAL_DATABASE_DSN, or of the running laptop cloud. Raises Unusable when they are off.

    With a DSN, the anchors are those of `--bucket`, read with the AWS credentials and endpoint of the environment; without
    a bucket the chain is proved by itself.
    """
    parser = argparse.ArgumentParser(prog="verify-ledger", description=__doc__)
    parser.add_argument(
        "--dsn", default=os.environ.get("LOCAL_DATABASE_DSN"), help="a libpq DSN; needs to read schema finance"
    )
    parser.add_argument("--bucket", help="the bucket of the anchors")
    asked = parser.parse_args(arguments)
    dsn, bucket = (asked.dsn, asked.bucket) if asked.dsn else _running()
    started = time.monotonic()
    with connect(dsn) as db:
        postings = db.execute("SELECT count(*) FROM finance.ledger_postings").fetchall()[0][0]
        if bucket:
            os.environ["BUCKET_AUDIT"] = bucket
            proof = examine(db, None)
        else:
            proof = examine_unanchored(db)
    _show(proof, f"{postings} postings in {time.monotonic() - started:.1f} s" + ("" if bucket else ", without anchors"))
    if not proof.holds:
        message = "the books do not hold"
        raise Unusable(message)


def _running() -> tuple[str, str]:
    local = Local.from_environment()
    postgres = Postgres(local)
    bucket = read_outputs(local).get("BucketAudit")
    if bucket is None or not postgres.answers():
        message = "PostgreSQL is not running: start it with `make run`, or name another database with --dsn"
        raise Unusable(message)
    os.environ.update(aws_environment(local))
    return postgres.dsn(user="postgres"), bucket


def _show(proof: Proof, title: str) -> None:
    checks = [(check.name, str(check.looked_at), str(check.off), "OFF" if check.off else "ok") for check in proof.checks]
    progress = Progress()
    progress.table(f"Books: {title}", ("check", "looked at", "off", ""), checks + rows(proof.chain))
    for fault in faults(proof.chain):
        progress.note(fault)
    for check in proof.checks:
        for example in check.examples:
            progress.note(f"{check.name}: {example}")
    if not proof.holds:
        progress.note(f"first of all: {proof.faults[0]}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
