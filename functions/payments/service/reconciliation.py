"""Reconciling a channel's day (rules.md §7): asked for by an operator, or due; one at a time, whole or not at all.

A run is taken for a while by a token. Its bill is imported, matched and counted in one transaction that holds the run, so
whoever dies leaves nothing behind, and whoever comes next does the same again.
"""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, get_args

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from functions.payments.gateways.registry import gateway, has_gateway
from functions.payments.models import Channel
from functions.payments.reconciliation_errors import DateInFuture, MediaNotFound, ReconciliationRunning
from functions.payments.service import statements
from functions.payments.service.statements import BillNotReadyError
from functions.payments.store import matching
from functions.payments.store import reconciliations as store
from shared import aws, clock, observe
from shared.dynamo.jobs import JobItem, find_job, open_job
from shared.errors import ServiceDegraded, ValidationFailed
from shared.ids import new_ulid
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

KIND: Final = "reconciliation"
LEASE: Final = timedelta(minutes=15)
_LONGEST_AGO = 30
_FETCHED, _MATCHING, _ROWS_A_PERCENT = 5, 90, 2_000


class SupersededError(Exception):
    """Somebody else has the run by now, or finished it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A run that is ours as long as its token is; `file_key` when an operator brought the bill."""

    reconciliation_id: int
    channel: Channel
    day: date
    token: str
    file_key: str | None = None


def ask(db: Connection, operator: int, channel: Channel, day: date, media_id: int | None) -> JobItem:
    """Take a channel's day for a job; `send` it after the commit.

    Raises DateInFuture, MediaNotFound, ReconciliationRunning, or ValidationFailed for a channel that makes no bills.
    """
    at = clock.now()
    if day > at.astimezone(clock.SHANGHAI).date():
        raise DateInFuture
    if not has_gateway(channel):
        raise ValidationFailed([{"field": "body.channel", "message": "该渠道没有账单|This channel makes no bills"}])
    file_key = None if media_id is None else store.original(db, media_id, operator)
    if media_id is not None and file_key is None:
        raise MediaNotFound
    token = new_ulid()
    reconciliation_id = store.claim(db, channel, day, token=token, until=at + LEASE, at=at)
    if reconciliation_id is None:
        raise ReconciliationRunning
    params = {"reconciliation_id": reconciliation_id, "channel": channel, "date": day, "file_key": file_key}
    return open_job(operator, KIND, params, token)


def send(job: JobItem) -> None:
    """Queue a job whose run is committed. Raises ServiceDegraded, and then the run is free again."""
    try:
        aws.client("sqs").send_message(
            QueueUrl=os.environ["QUEUE_RECONCILIATIONS"], MessageBody=json.dumps({"job_id": job.job_id})
        )
    except (BotoCoreError, ClientError) as error:
        job.fail("service_degraded", "the job could not be queued")
        _let_go(_turn(job))
        raise ServiceDegraded(retry_after=2) from error


def run(message: dict[str, Any]) -> None:
    """Work a job off; delivered again after it ended, it does nothing."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    turn = _turn(job)
    try:
        reconcile(turn, job.advance)
    except SupersededError:
        with reading() as db:
            now = store.find(db, turn.reconciliation_id)
        if now is None or now.token != turn.token:
            job.fail("reconciliation_running", "another job took this day over")
            return
    except BillNotReadyError as error:
        job.fail("bill_not_ready", str(error))
        _let_go(turn)
        return
    except (ValueError, csv.Error, psycopg.DataError) as error:
        observe.warn("bill is not whole", channel=turn.channel, day=turn.day.isoformat(), reason=str(error))
        job.fail("statement_invalid", str(error))
        _let_go(turn)
        return
    job.succeed({"reconciliation_id": turn.reconciliation_id})


def reconcile_due() -> int:
    """Reconcile every channel's yesterday, and the days before it that were missed; how many days were done.

    A bill that is not there yet is asked for again at the next run, and so is what went wrong.
    """
    yesterday = clock.now().astimezone(clock.SHANGHAI).date() - timedelta(days=1)
    done = 0
    for channel in filter(has_gateway, get_args(Channel)):
        with reading() as db:
            days = store.days_due(db, channel, yesterday, _LONGEST_AGO)
        for day in days:
            try:
                done += _reconcile_due(channel, day)
            except BillNotReadyError as error:
                observe.info("bill is not ready", channel=channel, day=day.isoformat(), reason=str(error))
            except Exception:  # noqa: BLE001 - one channel or day must not hold back the others
                observe.error("reconciliation failed", channel=channel, day=day.isoformat())
    return done


def reconcile(turn: Turn, tell: Callable[[int], None]) -> None:
    """Import the bill and match it. `tell` hears percents.

    Raises SupersededError, BillNotReadyError, or ValueError for a bill that is not whole; then nothing has changed.
    """
    vendor = gateway(turn.channel)
    bill = statements.rows(vendor, turn.day, turn.file_key)
    tell(_FETCHED)
    since, until = statements.window(vendor, turn.day)
    with unit_of_work() as db:
        held = store.hold(db, turn.reconciliation_id)
        if held is None or held.token != turn.token or held.status != "running":
            raise SupersededError
        store.stage(db, held, bill, lambda count: tell(min(_MATCHING - 1, _FETCHED + count // _ROWS_A_PERCENT)))
        tell(_MATCHING)
        at = clock.now()
        matched = matching.match(db, held, since, until, at)
        store.complete(db, held, matched, at)
    observe.count("reconciliation_done")


def _reconcile_due(channel: Channel, day: date) -> int:
    gateway(channel)  # a channel that is not configured leaves no run behind
    at, token = clock.now(), new_ulid()
    with unit_of_work() as db:
        reconciliation_id = store.claim(db, channel, day, token=token, until=at + LEASE, at=at)
    if reconciliation_id is None:
        return 0
    turn = Turn(reconciliation_id, channel, day, token)
    try:
        reconcile(turn, _nobody)
    except Exception:
        _let_go(turn)
        raise
    return 1


def _turn(job: JobItem) -> Turn:
    params = json.loads(job.params)
    day = date.fromisoformat(params["date"])
    return Turn(params["reconciliation_id"], params["channel"], day, job.job_id, params["file_key"])


def _let_go(turn: Turn) -> None:
    with unit_of_work() as db:
        store.release(db, turn.reconciliation_id, turn.token, clock.now())


def _nobody(_percent: int) -> None:
    """Nobody waits for a schedule."""
