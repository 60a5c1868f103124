"""Keeping the ledger provable: sealed and added up every minute, anchored outside the database, all of it proved each night."""

from dataclasses import asdict, dataclass
from typing import Any

from functions.finance.store import ledger_chain
from functions.finance.store.ledger_chain import BOOKS, CHAIN
from functions.finance.verify import Check, verify
from shared import clock, observe
from shared.sql import anchors, sealing, security
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.seal_proof import prove
from shared.sql.sealed import Verdict

HEADS_OF_DAYS = 8
"""Before that, the digests tell."""


def seal() -> int:
    """Seal what is due, then add the sealed blocks up; returns how many entries were sealed."""
    sealed = BOOKS.seal()
    rolled: int | None = 0
    while rolled is not None:
        with unit_of_work() as db:
            rolled = ledger_chain.roll_up(db)
    return sealed


@dataclass(frozen=True, slots=True)
class Proof:
    """Every check of the books, and the chain held against its seals and anchors."""

    checks: list[Check]
    chain: Verdict

    @property
    def holds(self) -> bool:
        """Whether nothing is off."""
        return self.chain.valid and not any(check.off for check in self.checks)

    @property
    def faults(self) -> list[str]:
        """What is off, a line each, in the order in which it was looked at; the chain first, which says where."""
        told = [f"{fault.what}: {fault.places}, the first is entry {fault.first_id}" for fault in self.chain.faults]
        return told + [f"{check.name}: {check.off}, {'; '.join(check.examples)}" for check in self.checks if check.off]


def examine(db: Connection, heads_of_days: int | None) -> Proof:
    """The whole proof, against every digest and the heads anchored in the last days (all of them for None)."""
    return Proof(verify(db), BOOKS.verify(db, heads_of_days))


def examine_unanchored(db: Connection) -> Proof:
    """The same where no anchors are at hand, as in a copy of the database."""
    return Proof(verify(db), Verdict({CHAIN.name: prove(db, CHAIN)}, 0, None, {}))


def prove_day() -> int:
    """Prove the books, and keep what came of it where nobody can change it; returns how many entries were proved.

    A fault is a metric with an alarm, and one critical security event a day.
    """
    now = clock.now()
    with reading() as db:
        proof = examine(db, HEADS_OF_DAYS)
        body = _document(db, proof)
    anchors.keep(f"{BOOKS.folder}proofs/{now.date()}/{now:%H%M%S%f}.json", body)
    observe.count("ledger_entries_proved", proof.chain.checked)
    if not proof.holds:
        observe.error("the books do not hold", faults=proof.faults, first_broken_entry=proof.chain.first_broken_id)
        observe.count("ledger_broken")
        with unit_of_work() as db:
            security.record(
                db,
                "data_access",
                severity="critical",
                detail={"what": "ledger_broken", "faults": proof.faults},
                once=f"ledger_broken {now.date()}",
            )
    return proof.chain.checked


def _document(db: Connection, proof: Proof) -> dict[str, Any]:
    head = sealing.head(db, CHAIN)
    totals = db.execute(
        """
        SELECT a.currency, count(*), coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0)::bigint, sum(p.amount)::bigint
        FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id) GROUP BY a.currency ORDER BY 1
        """
    ).fetchall()
    return {
        "holds": proof.holds,
        "proved_at": clock.rfc3339(clock.now()),
        "entries": proof.chain.checked,
        "anchors": proof.chain.anchors,
        "head": asdict(head) | {"sealed_at": clock.rfc3339(head.sealed_at)} if head else None,
        "currencies": {
            currency: {"postings": postings, "credited": credited, "sum": total}
            for currency, postings, credited, total in totals
        },
        "checks": [{"name": check.name, "looked_at": check.looked_at, "off": check.off} for check in proof.checks],
        "faults": proof.faults,
    }
