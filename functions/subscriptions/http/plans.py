"""Plans: looked at by everyone, put on sale by creators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from functions.subscriptions.errors import AmountInvalid, ContentNotFound, NotPlanOwner, PlanNameExists, PlanNotFound
from functions.subscriptions.schemas import CreatePlanIn, PlanOut, UpdatePlanIn
from functions.subscriptions.service import plans
from shared.http.app import BASE
from shared.http.auth import Creator, Public
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/subscriptions", tags=["subscriptions"])


@router.get("/plans")
async def list_plans(
    *,
    viewer: Public,
    db: Read,
    query: Paging,
    creator_id: Annotated[Id | None, Query()] = None,
    status: Annotated[Literal["active", "archived"] | None, Query()] = None,
) -> Answer[Page[PlanOut]]:
    """Plans on sale, of one creator or all, lowest tier first; archived ones for their creator only."""
    return answer(plans.page(db, query, viewer.uid if viewer else None, creator_id, status))


@router.post("/create-plan", status_code=201, responses=problems(PlanNameExists, AmountInvalid, ContentNotFound))
async def create_plan(body: CreatePlanIn, caller: Creator, db: Write) -> Answer[PlanOut]:
    """Put a plan (a tier) on sale."""
    return answer(plans.create(db, caller.uid, body))


@router.get("/plans/{plan_id:int}", responses=problems(PlanNotFound))
async def read_plan(plan_id: PathId, _viewer: Public, db: Read) -> Answer[PlanOut]:
    """One plan."""
    return answer(plans.plan(db, plan_id))


@router.put(
    "/plans/{plan_id:int}",
    responses=problems(PlanNotFound, ContentNotFound, NotPlanOwner, PlanNameExists, AmountInvalid),
)
async def update_plan(plan_id: PathId, body: UpdatePlanIn, caller: Creator, db: Write) -> Answer[PlanOut]:
    """Change a plan; tier and price apply to a subscriber from the next renewal."""
    return answer(plans.update(db, caller.uid, plan_id, body))


@router.delete("/plans/{plan_id:int}", responses=problems(PlanNotFound, NotPlanOwner))
async def archive_plan(plan_id: PathId, caller: Creator, db: Write) -> Answer[PlanOut]:
    """Take a plan off sale; what runs on it ends with its period."""
    return answer(plans.archive(db, caller.uid, plan_id))
