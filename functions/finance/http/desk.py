"""The finance desk of the back office: settlements of all creators."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from functions.finance import lists
from functions.finance.errors import PeriodSettled, RangeInvalid
from functions.finance.schemas import SettleIn, SettlementOut, SettlementStatus
from functions.finance.service import jobs
from functions.finance.service.settlement import Period
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Id, Page, answer
from shared.http.idempotency import OnceOnly
from shared.http.jobs import JobOut, job_out
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/admin/finance", tags=["finance"])

Month = Annotated[str | None, Query(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")]


@router.get("/settlements")
async def list_settlements(
    _caller: Annotated[Caller, staff("finance:read")],
    db: Read,
    query: Paging,
    creator_id: Annotated[Id | None, Query()] = None,
    status: SettlementStatus | None = None,
    period: Month = None,
) -> Answer[Page[SettlementOut]]:
    """Settlements of all creators, those of a month when `period` is given."""
    filters: dict[str, object] = {"creator_id": creator_id, "status": status}
    if period:
        first = date.fromisoformat(f"{period}-01")
        following = (first + timedelta(days=31)).replace(day=1)
        filters |= {"first_day": first, "last_day": following - timedelta(days=1)}
    return answer(lists.SETTLEMENTS.page(db, query, filters, lists.settlement))


@router.post("/settlements", status_code=202, responses=problems(PeriodSettled, RangeInvalid))
async def settle_period(
    body: SettleIn,
    caller: Annotated[Caller, staff("finance:write")],
    context: Context,
    db: Write,
    once: OnceOnly,
) -> Answer[JobOut]:
    """Make available, in the background, what was paid in a period and is past its hold."""
    once.claim(db, caller)
    only = tuple(sorted(set(body.creator_ids))) if body.creator_ids is not None else None
    job = jobs.ask(db, caller.uid, Period(body.period_start, body.period_end, only))
    audit.admin_operation(
        db,
        caller,
        context,
        "settlement.start",
        ("settlement", 0),
        job_id=job.job_id,
        period_start=body.period_start.isoformat(),
        period_end=body.period_end.isoformat(),
        creator_ids=only,
    )
    return once.keep(db, answer(job_out(job)), 202)
