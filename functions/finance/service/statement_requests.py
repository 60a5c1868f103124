"""Statements asked for as files: only of months in which nothing can be booked any more."""

from datetime import date, datetime, timedelta
from typing import Final

from functions.finance import models
from functions.finance.document_errors import MonthNotOver
from functions.finance.queueing import queued
from functions.finance.service import statements
from functions.finance.store.statement_files import Format
from shared import clock
from shared.dynamo.jobs import JobItem, open_job

KIND: Final = "statement"
CLOSES_AFTER: Final = timedelta(hours=1)
"""After the end of the month. An entry is dated by the clock of the function that books it, and no function lives longer
than 15 minutes: after an hour none can appear in the month that is over.
"""


def ask(creator_id: int, month: str, file_format: Format) -> JobItem:
    """Queue the file of a month. Raises MonthInvalid, MonthNotOver, or ServiceDegraded when it could not be queued."""
    first = statements.first_day(month)
    if clock.now() < closed_at(first):
        raise MonthNotOver
    job = open_job(creator_id, KIND, {"creator_id": creator_id, "month": first, "format": file_format})
    return queued(job, "statement-jobs", "the statement")


def closed_at(first: date) -> datetime:
    """When the month that begins on a day is closed."""
    return models.day_start(statements.following(first)) + CLOSES_AFTER
