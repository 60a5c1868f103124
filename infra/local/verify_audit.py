"""`make verify-audit`: both audit logs proved row by row and held against every anchor; the exit code says whether all hold."""

import argparse
import os
import sys
import time

from functions.admin.service.audit import LOGS
from infra.local.command import exit_code
from infra.local.outputs import read_outputs
from infra.local.postgres import Postgres
from infra.local.progress import Progress
from infra.local.sealed_logs import faults, rows
from infra.local.settings import Local, Unusable, aws_environment
from shared.sql.connection import connect
from shared.sql.sealed import Verdict


def main(arguments: list[str] | None = None) -> None:
    """Verify `--dsn` against `--bucket`, or the running laptop cloud. Raises Unusable when anything is off.

    With `--dsn`, the anchors are read with the AWS credentials and endpoint of the environment.
    """
    parser = argparse.ArgumentParser(prog="verify-audit", description=__doc__)
    parser.add_argument("--dsn", help="a libpq DSN; needs to read schema admin")
    parser.add_argument("--bucket", help="the bucket of the anchors")
    asked = parser.parse_args(arguments)
    if (asked.dsn is None) != (asked.bucket is None):
        parser.error("--dsn and --bucket go together")
    dsn, os.environ["BUCKET_AUDIT"] = (asked.dsn, asked.bucket) if asked.dsn else _running()
    started = time.monotonic()
    with connect(dsn) as db:
        verdict = LOGS.verify(db, None)
    _show(verdict, f"{verdict.checked} sealed rows in {time.monotonic() - started:.1f} s")
    if not verdict.valid:
        message = "the audit log was tampered with"
        raise Unusable(message)


def _running() -> tuple[str, str]:
    local = Local.from_environment()
    postgres = Postgres(local)
    bucket = read_outputs(local).get("BucketAudit")
    if bucket is None or not postgres.answers():
        message = "the laptop cloud is not running: start it with `make run`, or name a database and a bucket"
        raise Unusable(message)
    os.environ.update(aws_environment(local))
    return postgres.dsn(user="postgres"), bucket


def _show(verdict: Verdict, title: str) -> None:
    progress = Progress()
    progress.table(f"Audit: {title}", ("check", "looked at", "off", ""), rows(verdict))
    for fault in faults(verdict):
        progress.note(fault)


if __name__ == "__main__":
    sys.exit(exit_code(main))
