"""A run of the settlement, step by step, as `workflows/settlement.asl.json` calls it: begin, settle each page, close.

Every step may be repeated: what is settled is not due any more. A run that died gives way to the next after two hours.
"""

from datetime import timedelta
from typing import Any, Final

from functions.finance.service import settlement
from functions.finance.service.settlement import Scope
from functions.finance.store import runs as store
from shared import clock, observe, workflow
from shared.ids import new_ulid
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work

PAGE: Final = 25
"""Creators that one task settles."""
MOST_PAGES: Final = 5_000
"""Pages of one run, which Step Functions hands on in one message of 256 KB; who is left over is due in the next run."""
SILENT: Final = timedelta(hours=2)
"""Longer than an execution may take (`TimeoutSeconds`): what began before that is dead."""


def start() -> int:
    """Start a run when somebody is due, or one died, and none is under way; how many were started."""
    now = clock.now()
    with reading() as db:
        begun_at = store.begun_at(db)
        if begun_at is None and not store.due_pages(db, now, size=PAGE, most=1):
            return 0
    if begun_at is not None and begun_at >= now - SILENT:
        return 0
    run = new_ulid()
    return 0 if workflow.start("settlement", f"settlement-{run}", {"run": run}) is None else 1


def begin(event: dict[str, Any]) -> dict[str, Any]:
    """Claim the run and list who is due, in pages; a second one while one is under way ends here."""
    now, run = clock.now(), event["run"]
    with unit_of_work() as db:
        if not store.claim(db, run, now, now - SILENT):
            return {"run": run, "next": "end", "pages": []}
        pages = store.due_pages(db, now, size=PAGE, most=MOST_PAGES)
    return {"run": run, "next": "settle", "pages": [{"first": first, "last": last} for first, last in pages]}


def settle_page(event: dict[str, Any]) -> dict[str, Any]:
    """Settle the creators of a page who are still due. Who fails stays due, and the others are settled all the same."""
    page = event["page"]
    with reading() as db:
        creators = store.creators_due(db, clock.now(), page["first"], page["last"])
    failed = settlement.settle_each(creators, Scope(run=event["run"]))
    return {"creators": len(creators), "failed": len(failed)}


def close(event: dict[str, Any]) -> dict[str, Any]:
    """Tie the run out and end it: `next` says `untied` when a settlement is not what its parts or the ledger say."""
    run = event["run"]
    with unit_of_work() as db:
        sums = store.tie_out(db, run)
        store.finish(db, run, sums, clock.now())
    if sums.creators_left:
        observe.warn("creators are still due", run=run, creators=sums.creators_left)
        observe.count("settlement_creators_left", sums.creators_left)
    if sums.off:
        observe.error("settlements do not tie out", run=run, settlements=sums.off)
        observe.count("settlement_untied", sums.off)
    return {"run": run, "next": "untied" if sums.off else "end", "settlements": sums.settlements, "amount": sums.amount}
