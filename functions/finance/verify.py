"""The proof of the books: every figure computed again from the postings, in SQL that can be pasted into psql.

Each check selects `(key, expected, found)` for all it looks at; a row in which the two differ is an error.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import sql

from functions.finance.checks.balances import BALANCES
from functions.finance.checks.decided import DECIDED
from functions.finance.checks.documents import DOCUMENTS
from functions.finance.checks.earnings import EARNINGS
from functions.finance.checks.holds import HOLDS
from functions.finance.checks.ledger import LEDGER
from functions.finance.checks.merges import MERGES
from functions.finance.checks.pool import POOL
from functions.finance.checks.withdrawals import WITHDRAWALS
from shared.sql.connection import Connection

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """What one check looked at, how much of it is off, and the first examples as `key: expected, found`."""

    name: str
    looked_at: int
    off: int
    examples: list[str]


_ALL: dict[str, LiteralString] = LEDGER | HOLDS | EARNINGS | POOL | WITHDRAWALS | MERGES | BALANCES | DECIDED | DOCUMENTS


def verify(db: Connection) -> list[Check]:
    """Run every check; each is one statement, so it sees one moment of the books even while they are written."""
    return [_run(db, name, statement) for name, statement in _ALL.items()]


def _run(db: Connection, name: str, statement: LiteralString) -> Check:
    counted = sql.SQL(
        """
        SELECT count(*), count(*) FILTER (WHERE wrong), coalesce((array_agg(example) FILTER (WHERE wrong))[:{shown}], '{{}}')
        FROM (SELECT c.expected IS DISTINCT FROM c.found AS wrong, CASE WHEN c.expected IS DISTINCT FROM c.found
                     THEN concat(c.key, ': expected ', c.expected, ', found ', c.found) END AS example
              FROM ({check}) AS c(key, expected, found)) AS judged
        """
    ).format(check=sql.SQL(statement), shown=sql.Literal(_SHOWN))
    looked_at, off, examples = db.execute(counted).fetchall()[0]
    return Check(name, looked_at, off, examples)
