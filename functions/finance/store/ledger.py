"""The ledger: one call posts an entry, balances are read."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

from functions.finance.errors import InsufficientBalance
from functions.finance.models import PARTS, Entry, Part, creator_account
from shared.sql.connection import Connection


def post(db: Connection, entry: Entry) -> dict[str, int | None]:
    """Post an entry, once: the same again does nothing. An entry that moves nothing is not written.

    Returns the balance of each account after it (None for the platform's, which are summed). Raises InsufficientBalance
    when an account that must not would go below zero.
    """
    lines = {account: amount for account, amount in entry.lines.items() if amount}
    if not lines:
        return {}
    with covered():
        rows = db.execute(
            "SELECT account, balance_after FROM finance.post_entry(%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                entry.reference,
                entry.kind,
                entry.ref_type,
                entry.ref_id,
                entry.at,
                entry.currency,
                array(lines),
                array(lines.values()),
            ),
        ).fetchall()
    return dict(rows)


@contextmanager
def covered() -> Iterator[None]:
    """Tell an account that would go below zero by its name in finance. Raises InsufficientBalance."""
    try:
        yield
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name == "ledger_accounts_covered":
            raise InsufficientBalance from error
        raise


def array(items: Iterable[str | int]) -> str:
    """An array as PostgreSQL writes it: psycopg takes as long to adapt two lists as for all the rest of the call.

    Account names need no quotes; one that did would come to another number of lines, which the function refuses.
    """
    return "{" + ",".join(map(str, items)) + "}"


def balances(db: Connection, creator_id: int, currency: str = "CNY") -> dict[Part, int]:
    """The four running balances of a creator; zero for an account that was never used."""
    names: dict[str, Part] = {creator_account(creator_id, part): part for part in PARTS}
    rows = db.execute(
        "SELECT name, balance FROM finance.ledger_accounts WHERE name = ANY(%s) AND currency = %s", (list(names), currency)
    ).fetchall()
    return dict.fromkeys(PARTS, 0) | {names[name]: balance for name, balance in rows}
