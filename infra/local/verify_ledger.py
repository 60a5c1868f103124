"""`make verify-ledger`: every figure of the books computed again from the postings; the exit code says whether all hold."""

import argparse
import os
import sys
import time

from functions.finance.verify import Check, verify
from infra.local.command import exit_code
from infra.local.postgres import Postgres
from infra.local.progress import Progress
from infra.local.settings import Local, Unusable
from shared.sql.connection import connect


def main(arguments: list[str] | None = None) -> None:
    """Check the books of `--dsn`, of LOCAL_DATABASE_DSN, or of the running laptop cloud. Raises Unusable when they are off."""
    parser = argparse.ArgumentParser(prog="verify-ledger", description=__doc__)
    parser.add_argument(
        "--dsn", default=os.environ.get("LOCAL_DATABASE_DSN"), help="a libpq DSN; needs to read schema finance"
    )
    started = time.monotonic()
    with connect(parser.parse_args(arguments).dsn or _running()) as db:
        postings = db.execute("SELECT count(*) FROM finance.ledger_postings").fetchall()[0][0]
        checks = verify(db)
    _show(checks, f"{postings} postings in {time.monotonic() - started:.1f} s")
    if any(check.off for check in checks):
        message = "the books do not hold"
        raise Unusable(message)


def _running() -> str:
    postgres = Postgres(Local.from_environment())
    if not postgres.answers():
        message = "PostgreSQL is not running: start it with `make run`, or name another database with --dsn"
        raise Unusable(message)
    return postgres.dsn(user="postgres")


def _show(checks: list[Check], title: str) -> None:
    rows = [(check.name, str(check.looked_at), str(check.off), "OFF" if check.off else "ok") for check in checks]
    progress = Progress()
    progress.table(f"Books: {title}", ("check", "looked at", "off", ""), rows)
    for check in checks:
        for example in check.examples:
            progress.note(f"{check.name}: {example}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
