"""Reports and tax data asked for as files."""

from dataclasses import asdict
from datetime import date
from typing import Final

from functions.finance import report
from functions.finance.queueing import queued
from functions.finance.report import Asked
from functions.finance.service.statement_requests import closed_at
from functions.finance.store.statement_files import Format
from shared import clock
from shared.dynamo.jobs import JobItem, open_job

REPORT: Final = "finance_report"
TAX_PACK: Final = "tax_pack"
_QUEUE: Final = "report-jobs"


def ask(operator: int, asked: Asked, file_format: Format) -> JobItem:
    """Queue a report. Raises RangeInvalid, or ServiceDegraded when it could not be queued."""
    report.periods(asked.period, asked.first, asked.last)
    job = open_job(operator, REPORT, asdict(asked) | {"format": file_format})
    return queued(job, _QUEUE, "the report")


def ask_pack(creator_id: int, year: int) -> JobItem:
    """Queue the tax data of a year that is over. Raises ServiceDegraded when it could not be queued."""
    return queued(open_job(creator_id, TAX_PACK, {"creator_id": creator_id, "year": year}), _QUEUE, "the tax data")


def is_over(year: int) -> bool:
    """Whether nothing can be booked in a year any more, so that its data is the same whenever it is asked for."""
    return clock.now() >= closed_at(date(year, 12, 1))
