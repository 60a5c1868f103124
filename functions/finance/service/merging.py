"""Money of a creator whose account was merged into another.

What was earned stays booked where it was earned: earnings, refunds and settlements of the dropped account go on under its
own number and tie out as ever. Only what is available changes hands, by entries of their own: at once what is there, later
what every settlement or returned payout makes available. A debt of the dropped account is paid from where its money went.
Undoing is finance.part_accounts, called by identity in its transaction (migration 0012).
"""

from events.identity import AccountsMerged
from functions.finance.models import Entry, creator_account
from functions.finance.store import ledger
from functions.finance.store import merges as store
from functions.finance.store.merges import Hop
from shared import clock, observe
from shared.sql.connection import Connection


def hear(db: Connection, fact: AccountsMerged) -> None:
    """Two accounts are one: what is available of the dropped one is the other's now. Once, and not after it was undone."""
    store.lock(db, fact.from_uid)
    if not store.add(db, Hop(fact.merge_id, fact.from_uid, fact.into_uid), clock.now()):
        observe.warn("merge was heard before, or is undone already", merge_id=fact.merge_id)
        return
    forward(db, fact.from_uid, f"heard:{fact.merge_id}")


def forward(db: Connection, creator_id: int, why: str) -> None:
    """Pass on what is available of a creator who was merged into another, and so on; `why` names what made it so."""
    for hop in hops(db, creator_id):
        _post(db, hop, ledger.balances(db, hop.from_uid)["available"], why)


def hops(db: Connection, creator_id: int) -> list[Hop]:
    """From a creator to whom the money belongs by now; each held until the transaction ends."""
    found: list[Hop] = []
    while True:
        store.lock(db, creator_id)
        hop = store.hop_of(db, creator_id)
        if hop is None:
            return found
        found.append(hop)
        creator_id = hop.into_uid


def draw(db: Connection, way: list[Hop], amount: int, why: str) -> None:
    """Bring back what a debt of the dropped account needs. Raises InsufficientBalance when it was spent meanwhile."""
    for hop in reversed(way):
        _post(db, hop, -amount, why)


def _post(db: Connection, hop: Hop, amount: int, why: str) -> None:
    ledger.post(
        db,
        Entry(
            reference=f"merge:{hop.merge_id}:{why}",
            kind="merge",
            ref_type="merge",
            ref_id=str(hop.merge_id),
            at=clock.now(),
            lines={
                creator_account(hop.from_uid, "available"): -amount,
                creator_account(hop.into_uid, "available"): amount,
            },
        ),
    )
