"""Campaigns: managed by operators, seen by everyone while they run."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.subscriptions.pricing_errors import (
    PeriodInvalid,
    PromotionEnded,
    PromotionNotFound,
    PromotionStarted,
    QuantityBelowUsed,
    TargetNotFound,
)
from functions.subscriptions.pricing_schemas import (
    CreatePromotionIn,
    GoneOut,
    OwnPromotionOut,
    PromotionOut,
    PromotionResultsOut,
    PromotionStatus,
    TargetType,
    UpdatePromotionIn,
)
from functions.subscriptions.service.pricing import promotions
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, Public, staff
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/promotions", tags=["subscriptions"])


@router.post("/create", status_code=201, responses=problems(PeriodInvalid, TargetNotFound))
async def create_promotion(
    body: CreatePromotionIn, caller: Annotated[Caller, staff("promotion:write", "operator")], context: Context, db: Write
) -> Answer[OwnPromotionOut]:
    """Create a campaign; of a batch, the job that exports its codes begins."""
    made = promotions.create(db, caller.uid, body)
    target = ("promotion", made.promotion_id)
    audit.operator_action(db, caller, context, "create_promotion", target, after=body.model_dump(mode="json"))
    return answer(made)


@router.get("/manage")
async def manage_promotions(
    *,
    _caller: Annotated[Caller, staff("promotion:read", "operator")],
    db: Read,
    query: Paging,
    status: PromotionStatus | None = None,
) -> Answer[Page[PromotionResultsOut]]:
    """Campaigns with results."""
    return answer(promotions.managed(db, query, status))


@router.put(
    "/manage/{promotion_id:int}",
    responses=problems(PromotionNotFound, TargetNotFound, PromotionEnded, PeriodInvalid, QuantityBelowUsed),
)
async def update_promotion(
    promotion_id: PathId,
    body: UpdatePromotionIn,
    caller: Annotated[Caller, staff("promotion:write", "operator")],
    context: Context,
    db: Write,
) -> Answer[OwnPromotionOut]:
    """Edit, pause, resume or end a campaign."""
    before, changed = promotions.update(db, caller.uid, promotion_id, body)
    sent = body.model_dump(mode="json", exclude_unset=True)
    shown = {name: str(before[name]) for name in sent if name in before}
    audit.operator_action(db, caller, context, "update_promotion", ("promotion", promotion_id), before=shown, after=sent)
    return answer(changed)


@router.delete("/manage/{promotion_id:int}", responses=problems(PromotionNotFound, PromotionStarted))
async def delete_promotion(
    promotion_id: PathId, caller: Annotated[Caller, staff("promotion:write", "operator")], context: Context, db: Write
) -> Answer[GoneOut]:
    """Delete a campaign that has not started."""
    before = promotions.delete(db, promotion_id)
    shown = {name: str(before[name]) for name in ("name", "kind", "value", "status")}
    audit.operator_action(db, caller, context, "delete_promotion", ("promotion", promotion_id), before=shown)
    return answer(GoneOut.model_construct(deleted=True))


@router.get("")
async def list_promotions(
    *,
    _viewer: Public,
    db: Read,
    query: Paging,
    target_type: TargetType | None = None,
    target_id: Annotated[Id | None, Query()] = None,
) -> Answer[Page[PromotionOut]]:
    """Running campaigns."""
    return answer(promotions.running(db, query, target_type, target_id))
