"""The platform's reports and analysis of profit for the finance desk, and a creator's data for their taxes."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from functions.finance.errors import RangeInvalid
from functions.finance.report import Asked, Kind, Period, Report
from functions.finance.report_schemas import (
    AnalyticsOut,
    FiguresOut,
    PeriodOfTrend,
    ReportExportIn,
    ReportOut,
    RowOut,
    TaxMonthOut,
    TaxPackIn,
    TaxSummaryOut,
)
from functions.finance.service import analytics, report_requests, reports, taxes
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.http.app import BASE
from shared.http.auth import Context, Creator, staff
from shared.http.envelope import Answer, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/finance", tags=["finance"])
Reader = Annotated[Caller, staff("finance:read")]


@router.get("/reports", responses=problems(RangeInvalid))
async def platform_report(
    *, _caller: Reader, db: Read, kind: Kind, period: Period = "month", date_from: date, date_to: date
) -> Answer[ReportOut]:
    """A report on whole days in Shanghai, by calendar period; a first or last period may be there in part."""
    return answer(_shown(reports.make(db, Asked(kind, period, date_from, date_to))))


def _shown(made: Report) -> ReportOut:
    rows = [RowOut.model_construct(None, period_start=line.period_start, **line.figures) for line in made.lines]
    totals = FiguresOut.model_construct(None, **made.totals)
    return ReportOut.model_construct(kind=made.asked.kind, period=made.asked.period, rows=rows, totals=totals)


@router.get("/analytics", responses=problems(RangeInvalid))
async def profit_analysis(
    *, _caller: Reader, db: Read, date_from: date, date_to: date, group_by: PeriodOfTrend = "day"
) -> Answer[AnalyticsOut]:
    """What came in, what it cost and what is left, by channel, and by day, week or month."""
    return answer(analytics.analyse(db, group_by, date_from, date_to))


@router.get("/tax-summary")
async def tax_summary(caller: Creator, db: Read, year: Annotated[int, Query(ge=2000, le=2999)]) -> Answer[TaxSummaryOut]:
    """Own income of a year in Shanghai, by the months that have begun; it ties to the monthly statements."""
    found = taxes.of_year(db, caller.uid, year)
    months = [TaxMonthOut.model_construct(month=f"{one.first:%Y-%m}", net_income=one.net) for one in found.months]
    return answer(
        TaxSummaryOut.model_construct(
            year=year,
            gross_income=found.gross,
            refunds=found.refunds,
            net_income=found.gross - found.refunds,
            invoiced=found.invoiced,
            months=months,
        )
    )


@router.post("/reports/export", status_code=202, responses=problems(RangeInvalid))
async def export_report(body: ReportExportIn, caller: Reader, context: Context, db: Write) -> Answer[JobOut]:
    """Make a report into a file; the job's result is a link that is good for 24 hours."""
    asked = Asked(body.kind, body.period, body.date_from, body.date_to, body.by)
    job = report_requests.ask(caller.uid, asked, body.format)
    audit.admin_operation(
        db,
        caller,
        context,
        "finance_report.export",
        ("report", 0),
        job_id=job.job_id,
        after=body.model_dump(mode="json"),
    )
    return answer(job_out(job))


@router.post("/tax-summary/export", status_code=202)
async def export_tax_pack(body: TaxPackIn, caller: Creator) -> Answer[JobOut]:
    """Pack the own tax data of a year that is over: a summary, its months, and every line; the job's result is a link."""
    if not report_requests.is_over(body.year):
        raise ValidationFailed([{"field": "body.year", "message": "must be over for an hour"}])
    return answer(job_out(report_requests.ask_pack(caller.uid, body.year)))
