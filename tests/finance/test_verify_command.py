"""`python -m infra.local.verify_ledger`: a table for people, an exit code for scripts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from shared.sql.connection import connect
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR

ROOT = Path(__file__).resolve().parents[2]


def verify_ledger(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.local.verify_ledger", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_books_that_hold_pass_and_books_that_do_not_fail(desk: Desk, fresh_database: Callable[..., str]) -> None:
    desk.earned(CREATOR, 500_000)
    good = verify_ledger("--dsn", fresh_database("finance"))
    assert good.returncode == 0, good.stderr
    assert "entries sum to zero" in good.stdout
    with connect(fresh_database()) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE finance.ledger_postings SET amount = amount - 7 WHERE amount > 0")
    bad = verify_ledger(LOCAL_DATABASE_DSN=fresh_database())
    assert bad.returncode == 1
    assert "OFF" in bad.stdout
    assert bad.stderr == "sharestack: the books do not hold\n"
