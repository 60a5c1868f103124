"""Keeping append-only logs provable: rows sealed, heads anchored outside the database, both held against each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from shared import clock, observe
from shared.sql import anchors, sealing
from shared.sql.anchors import Anchor
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.seal_proof import Fault, Proof, prove
from shared.sql.sealing import Chain

LATE: Final = timedelta(minutes=10)
"""A row that is not sealed by then waits for a transaction that does not end, or for a sealer that does not run."""
DIGEST_DAYS: Final = 31
"""How far back digests that were missed are made up for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Each log held against its seals, and the seals against the anchors."""

    proofs: dict[str, Proof]
    anchors: int
    off_anchor: Fault | None
    last_anchored: dict[str, int]

    @property
    def faults(self) -> list[Fault]:
        """Everything that is off, log by log, the anchors last."""
        off = [fault for proof in self.proofs.values() for fault in proof.faults]
        return [*off, self.off_anchor] if self.off_anchor else off

    @property
    def valid(self) -> bool:
        """Whether nothing is off."""
        return not self.faults

    @property
    def checked(self) -> int:
        """Rows held against their hashes."""
        return sum(proof.rows for proof in self.proofs.values())

    @property
    def first_broken_id(self) -> int | None:
        """The smallest number of a row with a fault: of the first log if any there, else of the next; with the chains
        whole, of a row that an anchor names and the log no longer has.
        """
        named = [proof.first_broken_id for proof in self.proofs.values() if proof.first_broken_id is not None]
        return named[0] if named else self.off_anchor.first_id if self.off_anchor else None


@dataclass(frozen=True, slots=True)
class Sealed:
    """Some chains of one domain, named `what` in metrics and log lines, with their folder in the bucket `audit`."""

    what: str
    chains: tuple[Chain, ...]
    folder: str = ""

    def seal(self) -> int:
        """Seal every row that is due, block by block; returns how many. What still waits after ten minutes is counted."""
        total = 0
        for chain in self.chains:
            sealed = sealing.BLOCK_ROWS
            while sealed == sealing.BLOCK_ROWS:
                with unit_of_work() as db:
                    sealed = sealing.seal(db, chain, clock.now())
                    end = sealing.head(db, chain)
                total += sealed
                if sealed and end:
                    # A second witness, minute by minute: the log service keeps this line, whatever becomes of the database.
                    observe.info(f"{self.what} block sealed", log=end.log, block_no=end.block_no, rows=sealed, hash=end.hash)
        with reading() as db:
            late = sum(sealing.waiting(db, chain, clock.now() - LATE) for chain in self.chains)
        if late:
            observe.warn(f"{self.what} rows wait to be sealed", rows=late)
            observe.count(f"{self.what}_seal_late", late)
        return total

    def anchor(self) -> int:
        """Anchor the end of each chain, and a digest of every day that ended since the last one; returns how many anchors."""
        put = 0
        digested = {(one.day, one.log) for one in anchors.of("digests", folder=self.folder)}
        with reading() as db:
            for chain in self.chains:
                end = sealing.head(db, chain)
                if end is None:
                    continue
                put += anchors.put("heads", end.sealed_at.astimezone(UTC).date(), end, folder=self.folder)
                for day in (_today() - timedelta(days=back) for back in range(DIGEST_DAYS, 0, -1)):
                    if (day, chain.name) in digested:
                        continue
                    at_midnight = sealing.head_at(db, chain, datetime.combine(day + timedelta(days=1), time(), UTC))
                    if at_midnight:
                        put += anchors.put("digests", day, at_midnight, folder=self.folder)
        return put

    def verify(
        self, db: Connection, heads_of_days: int | None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Verdict:
        """Prove the chains (within instants, if given), and that they hold every daily digest and the heads anchored in
        the last days, today's included (all of them for None).
        """
        days = None if heads_of_days is None else [_today() - timedelta(days=back) for back in range(heads_of_days)]
        # Listed first: whatever is anchored by now was committed before, so the database must have it.
        found = [*anchors.of("digests", folder=self.folder), *anchors.of("heads", days, folder=self.folder)]
        proofs = {chain.name: prove(db, chain, since, until) for chain in self.chains}
        off = [fault for chain in self.chains if (fault := anchors.compare(db, chain, found))]
        return Verdict(proofs, len(found), _together(off), _last(found))


def _together(faults: list[Fault]) -> Fault | None:
    if not faults:
        return None
    ids = [fault.first_id for fault in faults if fault.first_id is not None]
    return Fault(faults[0].what, sum(fault.places for fault in faults), min(ids, default=None))


def _last(found: Iterable[Anchor]) -> dict[str, int]:
    last: dict[str, int] = {}
    for one in found:
        last[one.log] = max(one.block_no, last.get(one.log, 0))
    return last


def _today() -> date:
    return clock.now().date()
