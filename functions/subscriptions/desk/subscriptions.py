"""All subscriptions, for staff."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.service import desk
from functions.subscriptions.states import Status
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import staff
from shared.http.envelope import Answer, Id, Page, answer
from shared.http.paging import Paging
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/admin/subscriptions", tags=["subscriptions"])


@router.get("")
async def list_all(
    *,
    _caller: Annotated[Caller, staff("subscription:read")],
    db: Read,
    query: Paging,
    user_id: Annotated[Id | None, Query()] = None,
    creator_id: Annotated[Id | None, Query()] = None,
    plan_id: Annotated[Id | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    renew_before: Annotated[AwareDatetime | None, Query()] = None,
) -> Answer[Page[SubscriptionOut]]:
    """All subscriptions; `renew_before`: those that are renewed before a moment."""
    filters: dict[str, object] = {
        "user_id": user_id,
        "creator_id": creator_id,
        "plan_id": plan_id,
        "status": status,
        "renew_before": renew_before,
    }
    return answer(desk.page(db, query, filters))
