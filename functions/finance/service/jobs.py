"""What the finance desk asks for and a queue works off: settling a period (ADM-026), computing it again (FIN-001)."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from functions.finance import models
from functions.finance.errors import PeriodSettled, RangeInvalid
from functions.finance.queueing import queued
from functions.finance.service import recalculation, settlement
from functions.finance.service.recalculation import Calculation
from functions.finance.service.settlement import Period
from functions.finance.store import settlements
from shared import clock, observe
from shared.dynamo.jobs import JobItem, find_job, open_job
from shared.sql.connection import Connection, reading

SETTLEMENT: Final = "settlement"
RECALCULATION: Final = "recalculation"
_LONGEST: Final = timedelta(days=366)
_ATTEMPTS: Final = 4


class CreatorsLeftError(Exception):
    """Some creators could not be worked off; the message is retried."""


def ask(db: Connection, operator: int, period: Period) -> JobItem:
    """Queue the settlement of a period. Raises RangeInvalid or PeriodSettled (it was settled and nothing is left)."""
    _in_order(period.start, period.end)
    since, until = models.day_start(period.start), models.day_end(period.end)
    due = settlements.creators_due_of(db, clock.now(), since, until, period.creator_ids)
    if not due and settlements.has_settled(db, since, until, period.creator_ids):
        raise PeriodSettled
    params = {"period_start": period.start, "period_end": period.end, "creator_ids": period.creator_ids}
    return queued(open_job(operator, SETTLEMENT, params), "settlement-jobs", "the job")


def ask_recalculation(db: Connection, asked: Calculation) -> JobItem:
    """Queue the recalculation of a period. Raises RangeInvalid, or PeriodSettled where differences should be proposed."""
    _in_order(asked.start, asked.end)
    recalculation.check(db, asked)
    params = {
        "period_start": asked.start,
        "period_end": asked.end,
        "creator_id": asked.creator_id,
        "dry_run": asked.dry_run,
    }
    return queued(open_job(asked.operator, RECALCULATION, params), "settlement-jobs", "the job")


def _in_order(start: date, end: date) -> None:
    if end < start or end - start > _LONGEST:
        raise RangeInvalid


def run(message: dict[str, Any]) -> None:
    """Work a job off; delivered again after it ended, it does nothing. Failed creators are retried three times."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    work = {SETTLEMENT: _settle, RECALCULATION: _recalculate}[job.kind]
    failed, result = work(job, json.loads(job.params))
    if failed and job.attempts < _ATTEMPTS:
        raise CreatorsLeftError(failed)
    if failed:
        job.fail(f"{job.kind}_failed", f"creators {failed}")
        return
    job.succeed(result)


def _settle(job: JobItem, params: dict[str, Any]) -> tuple[list[int], dict[str, Any]]:
    only = params["creator_ids"]
    start, end = date.fromisoformat(params["period_start"]), date.fromisoformat(params["period_end"])
    period = Period(start, end, None if only is None else tuple(only))
    failed = settlement.settle_period(period, _by_percent(job))
    with reading() as db:
        count, amount = settlements.of_period(db, start, end, period.creator_ids)
    return failed, {"settlements": count, "creator_amount": amount}


def _recalculate(job: JobItem, params: dict[str, Any]) -> tuple[list[int], dict[str, Any]]:
    start, end = date.fromisoformat(params["period_start"]), date.fromisoformat(params["period_end"])
    asked = Calculation(start, end, params["creator_id"], params["dry_run"], int(job.uid))
    return recalculation.run(asked, _by_percent(job))


def _by_percent(job: JobItem) -> Callable[[int], None]:
    """Tells the job how far it got when that is another percentage, not at every creator."""
    told = 0

    def tell(percent: int) -> None:
        nonlocal told
        if percent != told:
            told = percent
            job.advance(percent)

    return tell
