"""Earnings of a period, computed again."""

from typing import Annotated

from fastapi import APIRouter

from functions.finance.earning_schemas import CalculateIn
from functions.finance.errors import PeriodSettled, RangeInvalid
from functions.finance.service import jobs
from functions.finance.service.recalculation import Calculation
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems
from shared.http.sql import Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/earnings", tags=["finance"])


@router.post("/calculate", status_code=202, responses=problems(PeriodSettled, RangeInvalid))
async def calculate_earnings(
    body: CalculateIn, caller: Annotated[Caller, staff("finance:write")], context: Context, db: Write
) -> Answer[JobOut]:
    """Compute a period again in the background, from paid orders, refunds and share rates.

    What differs is told, and without `dry_run` proposed as an adjustment per creator, which a second person decides.
    """
    asked = Calculation(body.period_start, body.period_end, body.creator_id, body.dry_run, caller.uid)
    job = jobs.ask_recalculation(db, asked)
    audit.admin_operation(
        db,
        caller,
        context,
        "earnings.calculate",
        ("creator", body.creator_id or 0),
        job_id=job.job_id,
        after=body.model_dump(mode="json"),
    )
    return answer(job_out(job))
