"""The ledger as a chain of sealed rows: each entry with its postings is one, so that none of them can change alone.

The names of accounts stand in the lines, since an account renamed would be as good as a posting moved. When a posting was
made and in which currency is its entry's; that they agree is a check of the books (checks/ledger.py).
"""

from typing import Final

from shared.sql.connection import Connection
from shared.sql.sealed import Sealed
from shared.sql.sealing import Chain

CHAIN: Final = Chain(
    name="ledger",
    table="finance.ledger_entries",
    key="entry_id",
    at="at",
    row="""r.entry_id, r.tx::text, r.reference, r.kind, r.ref_type, r.ref_id, r.currency, {at},
        (SELECT jsonb_agg(jsonb_build_array(p.posting_id, p.account_id,
                    (SELECT a.name FROM finance.ledger_accounts a WHERE a.account_id = p.account_id),
                    p.amount, p.balance_after) ORDER BY p.account_id)
         FROM finance.ledger_postings p WHERE p.entry_id = r.entry_id)""",
    blocks="finance.ledger_blocks",
    seals="finance.ledger_seals",
    role="ledger_sealer",
)
BOOKS: Final = Sealed("ledger", (CHAIN,), "ledger/")


def roll_up(db: Connection) -> int | None:
    """Add up one more sealed block per platform account and day; its number, None when all are."""
    number: int | None = db.execute("SELECT finance.roll_up()").fetchall()[0][0]
    return number
