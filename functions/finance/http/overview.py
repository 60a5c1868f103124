"""The finance overview of the back office."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter

from functions.finance.earning_schemas import OverviewOut
from functions.finance.service import overview
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import staff
from shared.http.envelope import Answer, answer
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/admin/finance", tags=["finance"])


@router.get("/overview")
async def finance_overview(
    _caller: Annotated[Caller, staff("finance:read")], db: Read, date_from: date | None = None, date_to: date | None = None
) -> Answer[OverviewOut]:
    """What came in, what went back and what is owed, on days of Shanghai; the last 30 unless told otherwise."""
    return answer(overview.overview(db, date_from, date_to))
