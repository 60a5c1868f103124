"""What creators see of their money."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from functions.finance import lists
from functions.finance.errors import MonthInvalid
from functions.finance.schemas import (
    EarningOut,
    RateOut,
    SettlementOut,
    SettlementStatus,
    ShareOut,
    StatementOut,
    SummaryOut,
)
from functions.finance.service import statements, terms
from shared.errors import ValidationFailed
from shared.http.app import BASE
from shared.http.auth import Creator
from shared.http.envelope import Answer, Page, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE, tags=["finance"])


@router.get("/earnings/summary")
async def earnings_summary(
    caller: Creator,
    db: Read,
    date_from: date | None = None,
    date_to: date | None = None,
    group_by: Literal["day", "month", "content", "plan"] = "month",
) -> Answer[SummaryOut]:
    """Own balances, and earnings net of refunds by day, month, content or plan."""
    _in_order(date_from, date_to)
    return answer(statements.summary(db, caller.uid, group_by, date_from, date_to))


@router.get("/earnings/settlements")
async def list_own_settlements(
    caller: Creator, db: Read, query: Paging, status: SettlementStatus | None = None
) -> Answer[Page[SettlementOut]]:
    """Own settlements, the latest first."""
    filters = {"creator_id": caller.uid, "status": status}
    return answer(lists.SETTLEMENTS.page(db, query, filters, lists.settlement))


@router.get("/earnings/creator-share")
async def creator_share(
    caller: Creator, db: Read, query: Paging, date_from: date | None = None, date_to: date | None = None
) -> Answer[ShareOut]:
    """Own share rate, its history, and how each order was divided."""
    _in_order(date_from, date_to)
    filters = {"creator_id": caller.uid, **lists.days(date_from, date_to)}
    page: Page[EarningOut] = lists.EARNINGS.page(db, query, filters, lists.earning)
    rate_bp, channel_fee_bp, history = terms.share(db, caller.uid)
    shown = [RateOut.model_construct(**asdict(rate)) for rate in history]
    return answer(ShareOut.model_construct(**dict(page), rate_bp=rate_bp, channel_fee_bp=channel_fee_bp, history=shown))


@router.get("/finance/statements", responses=problems(MonthInvalid))
async def monthly_statement(caller: Creator, db: Read, month: Annotated[str, Query(max_length=20)]) -> Answer[StatementOut]:
    """Own statement of a month in Shanghai, `YYYY-MM`; it ties to the ledger to the fen."""
    return answer(statements.statement(db, caller.uid, month))


def _in_order(date_from: date | None, date_to: date | None) -> None:
    if date_from and date_to and date_to < date_from:
        raise ValidationFailed([{"field": "query.date_to", "message": "must not be before date_from"}])
