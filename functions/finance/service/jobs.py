"""Settling a period on demand (ADM-026): asked for by an operator, worked off from a queue."""

import json
import os
from datetime import date, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.finance import models
from functions.finance.errors import PeriodSettled, RangeInvalid
from functions.finance.service import settlement
from functions.finance.service.settlement import Period
from functions.finance.store import settlements
from shared import aws, clock, observe
from shared.dynamo.jobs import JobItem, find_job, open_job
from shared.errors import ServiceDegraded
from shared.sql.connection import Connection, reading

KIND: Final = "settlement"
_LONGEST: Final = timedelta(days=366)
_ATTEMPTS: Final = 4


class CreatorsLeftError(Exception):
    """Some creators could not be settled; the message is retried."""


def ask(db: Connection, operator: int, period: Period) -> JobItem:
    """Queue the settlement of a period. Raises RangeInvalid or PeriodSettled (it was settled and nothing is left)."""
    if period.end < period.start or period.end - period.start > _LONGEST:
        raise RangeInvalid
    since, until = models.day_start(period.start), models.day_end(period.end)
    due = settlements.creators_due_of(db, clock.now(), since, until, period.creator_ids)
    if not due and settlements.has_settled(db, since, until, period.creator_ids):
        raise PeriodSettled
    params = {"period_start": period.start, "period_end": period.end, "creator_ids": period.creator_ids}
    job = open_job(operator, KIND, params)
    try:
        aws.client("sqs").send_message(
            QueueUrl=os.environ["QUEUE_SETTLEMENT_JOBS"], MessageBody=json.dumps({"job_id": job.job_id})
        )
    except (BotoCoreError, ClientError) as error:
        job.fail("service_degraded", "the job could not be queued")
        raise ServiceDegraded(retry_after=2) from error
    return job


def run(message: dict[str, Any]) -> None:
    """Work a job off; delivered again after it ended, it does nothing. Failed creators are retried three times."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    period = _period(json.loads(job.params))
    failed = settlement.settle_period(period, job.advance)
    if failed and job.attempts < _ATTEMPTS:
        raise CreatorsLeftError(failed)
    if failed:
        job.fail("settlement_failed", f"creators {failed}")
        return
    with reading() as db:
        count, amount = settlements.of_period(db, period.start, period.end, period.creator_ids)
    job.succeed({"settlements": count, "creator_amount": amount})


def _period(params: dict[str, Any]) -> Period:
    only = params["creator_ids"]
    return Period(
        date.fromisoformat(params["period_start"]),
        date.fromisoformat(params["period_end"]),
        None if only is None else tuple(only),
    )
