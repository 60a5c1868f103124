"""Nightly (task audit_verify of rules.md §18): the whole of both logs proved. What is off wakes a person."""

from functions.admin.service.audit import LOGS
from shared import clock, observe
from shared.schedule import scheduled
from shared.sql import security
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work

HEADS_OF_DAYS = 8
"""Before that, the digests tell."""


def verify() -> int:
    """Verify; returns how many rows were. A fault is a metric with an alarm, and one critical security event a day."""
    today = clock.now().date()
    with reading() as db:
        verdict = LOGS.verify(db, HEADS_OF_DAYS)
    observe.count("audit_rows_verified", verdict.checked)
    if not verdict.valid:
        told = [f"{fault.what}: {fault.places}" for fault in verdict.faults]
        observe.error("audit log was tampered with", faults=told, first_broken_id=verdict.first_broken_id)
        observe.count("audit_broken")
        with unit_of_work() as db:
            security.record(
                db,
                "data_access",
                severity="critical",
                detail={"what": "audit_broken", "faults": told, "first_broken_id": verdict.first_broken_id},
                once=f"audit_broken {today}",
            )
    return verdict.checked


handler = scheduled(verify, "admin.audit_verify")
