"""Keeping the audit logs provable: rows sealed, heads anchored outside the database, both held against each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from functions.admin.store import anchors
from functions.admin.store.anchors import Anchor
from functions.admin.store.audit_chains import CHAINS
from shared import clock, observe
from shared.sql import sealing
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.seal_proof import Fault, Proof, prove

LATE = timedelta(minutes=10)
"""A row that is not sealed by then waits for a transaction that does not end, or for a sealer that does not run."""
DIGEST_DAYS = 31
"""How far back digests that were missed are made up for."""


def seal() -> int:
    """Seal every row that is due, block by block; returns how many. What still waits after ten minutes is counted."""
    total = 0
    for chain in CHAINS:
        sealed = sealing.BLOCK_ROWS
        while sealed == sealing.BLOCK_ROWS:
            with unit_of_work() as db:
                sealed = sealing.seal(db, chain, clock.now())
                end = sealing.head(db, chain)
            total += sealed
            if sealed and end:
                # A second witness, minute by minute: the log service keeps this line, whatever becomes of the database.
                observe.info("audit block sealed", log=end.log, block_no=end.block_no, rows=sealed, hash=end.hash)
    with reading() as db:
        late = sum(sealing.waiting(db, chain, clock.now() - LATE) for chain in CHAINS)
    if late:
        observe.warn("audit rows wait to be sealed", rows=late)
        observe.count("audit_seal_late", late)
    return total


def anchor() -> int:
    """Anchor the end of each chain, and a digest of every day that ended since the last one; returns how many anchors."""
    put = 0
    digested = {(one.day, one.log) for one in anchors.of("digests")}
    with reading() as db:
        for chain in CHAINS:
            end = sealing.head(db, chain)
            if end is None:
                continue
            put += anchors.put("heads", end.sealed_at.astimezone(UTC).date(), end)
            for day in (_today() - timedelta(days=back) for back in range(DIGEST_DAYS, 0, -1)):
                if (day, chain.name) in digested:
                    continue
                at_midnight = sealing.head_at(db, chain, datetime.combine(day + timedelta(days=1), time(), UTC))
                if at_midnight:
                    put += anchors.put("digests", day, at_midnight)
    return put


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both logs held against their seals, and the seals against the anchors."""

    proofs: dict[str, Proof]
    anchors: int
    off_anchor: Fault | None
    last_anchored: dict[str, int]

    @property
    def valid(self) -> bool:
        """Whether nothing is off."""
        return self.off_anchor is None and all(proof.holds for proof in self.proofs.values())

    @property
    def checked(self) -> int:
        """Rows held against their hashes."""
        return sum(proof.rows for proof in self.proofs.values())

    @property
    def first_broken_id(self) -> int | None:
        """The smallest number of a row with a fault: of the operation log if any there, else of the operators' log; with
        the chains whole, of a row that an anchor names and the log no longer has.
        """
        named = [proof.first_broken_id for proof in self.proofs.values() if proof.first_broken_id is not None]
        return named[0] if named else self.off_anchor.first_id if self.off_anchor else None


def verify(
    db: Connection, heads_of_days: int | None, *, since: datetime | None = None, until: datetime | None = None
) -> Verdict:
    """Prove both chains (within instants, if given), and that they hold every daily digest and the heads anchored in the
    last days, today's included (all of them for None).
    """
    days = None if heads_of_days is None else [_today() - timedelta(days=back) for back in range(heads_of_days)]
    # Listed first: whatever is anchored by now was committed before, so the database must have it.
    found = [*anchors.of("digests"), *anchors.of("heads", days)]
    proofs = {chain.name: prove(db, chain, since, until) for chain in CHAINS}
    return Verdict(proofs, len(found), anchors.compare(db, found), _last(found))


def _last(found: Iterable[Anchor]) -> dict[str, int]:
    last: dict[str, int] = {}
    for one in found:
        last[one.log] = max(one.block_no, last.get(one.log, 0))
    return last


def _today() -> date:
    return clock.now().date()
