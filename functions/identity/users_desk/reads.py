"""Reading accounts: lists, statistics, one with everything, its logs, and who behaves abnormally."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from functions.identity.errors import UserNotFound
from functions.identity.schemas.desk import (
    AdminUser,
    AdminUserDetail,
    Anomaly,
    AnomalyKind,
    Level,
    LogEntry,
    RoleName,
    Severity,
    Status,
    UserDesk,
    UserStatistics,
)
from functions.identity.service import user_logs, user_statistics
from functions.identity.store import desk
from functions.identity.store.anomalies import ANOMALIES
from functions.identity.store.operations import Kind, Span
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import staff
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.paging import Paging, page_query
from shared.http.problems import problems
from shared.http.sql import Read
from shared.paging import PageQuery

router = APIRouter(prefix=BASE + "/admin/users", tags=["admin"])

Reader = Annotated[Caller, staff("user:read")]
Search = Annotated[str | None, Query(max_length=100)]


async def _sized(
    *,
    query: Paging,
    page_size: Annotated[int | None, Query(ge=1, le=100)] = None,
    size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PageQuery:
    """The paging of 002's list, where `size` is another name of `page_size` and 20 are usual."""
    wanted = size if page_size is None else page_size
    if wanted == query.page_size:
        return query
    return await page_query(query.page, wanted, query.sort_by, query.sort_order, query.cursor)


@router.get("")
async def list_users(
    *,
    _caller: Reader,
    db: Read,
    query: Annotated[PageQuery, Depends(_sized)],
    status: Status | None = None,
    search: Search = None,
    role: RoleName | None = None,
    membership_level: Level | None = None,
) -> Answer[Page[AdminUser]]:
    """Accounts, newest first; `search` finds parts of names, and beginnings of addresses and numbers."""
    filters = {"status": status, "search": _text(search), "role": role, "membership_level": membership_level}
    return answer(desk.USERS.page(db, query, filters, desk.row_out))


@router.get("/list")
async def list_with_statistics(
    *,
    _caller: Reader,
    db: Read,
    query: Paging,
    status: Status | None = None,
    search: Search = None,
    role: RoleName | None = None,
) -> Answer[UserDesk]:
    """Accounts and the totals above them, in one call."""
    found = desk.USERS.page(db, query, {"status": status, "search": _text(search), "role": role}, desk.row_out)
    return answer(UserDesk.model_construct(**dict(found), statistics=user_statistics.summary(db)))


@router.get("/statistics")
async def statistics(
    *, _caller: Reader, db: Read, date_from: date | None = None, date_to: date | None = None
) -> Answer[UserStatistics]:
    """Totals, and new accounts per day in Asia/Shanghai."""
    return answer(user_statistics.statistics(db, date_from, date_to))


@router.get("/anomalies")
async def anomalies(
    *, _caller: Reader, db: Read, query: Paging, kind: AnomalyKind | None = None, severity: Severity | None = None
) -> Answer[Page[Anomaly]]:
    """Users with abnormal behaviour, the latest first."""
    return answer(ANOMALIES.page(db, query, {"kind": kind, "severity": severity}, _anomaly))


@router.get("/{user_id:int}", responses=problems(UserNotFound))
async def find_user(*, user_id: PathId, _caller: Reader, db: Read) -> Answer[AdminUserDetail]:
    """An account with its profile, subscriptions, orders, devices, bans and verifications."""
    found = desk.find_detail(db, user_id)
    if found is None:
        raise UserNotFound
    return answer(found)


@router.get("/{user_id:int}/logs", responses=problems(UserNotFound))
async def logs(
    *,
    user_id: PathId,
    _caller: Reader,
    db: Read,
    query: Paging,
    kind: Kind = "login",
    date_from: datetime | None = None,
    date_to: datetime | None = None,
) -> Answer[Page[LogEntry]]:
    """When a user signed in, or what the user changed; the last 180 days."""
    return answer(user_logs.page(db, Span(user_id, kind, _utc(date_from), _utc(date_to)), query))


def _text(search: str | None) -> str | None:
    return (search or "").strip() or None


def _utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC (rules.md §0)."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _anomaly(row: dict[str, Any]) -> Anomaly:
    row.pop("total_", None)
    row.pop("anomaly_id", None)
    return Anomaly.model_construct(**row)
