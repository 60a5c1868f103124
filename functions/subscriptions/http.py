"""Routes of subscriptions: plans, subscribing, and what the caller may use."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, model_validator

from functions.subscriptions.errors import (
    AlreadySubscribed,
    AmountInvalid,
    CannotSubscribeSelf,
    ContentNotFound,
    CouponNotApplicable,
    NotPlanOwner,
    PlanArchived,
    PlanFull,
    PlanNameExists,
    PlanNotFound,
    SubscriptionNotActive,
    SubscriptionNotFound,
)
from functions.subscriptions.schemas import (
    AccessOut,
    CreatePlanIn,
    PermissionsOut,
    PlanOut,
    SubscribedOut,
    SubscribeIn,
    SubscriptionOut,
    UnsubscribeIn,
    UpdatePlanIn,
)
from functions.subscriptions.service import access, plans, subscribing, unsubscribing
from functions.subscriptions.states import Status
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Creator, Public, SignedIn
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.idempotency import OnceOnly
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


@router.post(
    "/subscribe",
    status_code=201,
    responses=problems(PlanNotFound, PlanArchived, PlanFull, AlreadySubscribed, CannotSubscribeSelf, CouponNotApplicable),
)
async def subscribe(body: SubscribeIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[SubscribedOut]:
    """Subscribe: pending with an order to pay, or at once when nothing is payable or a trial starts."""
    once.claim(db, caller)
    return once.keep(db, answer(subscribing.subscribe(db, caller.uid, body)), 201)


@router.post("/unsubscribe/{subscription_id:int}", responses=problems(SubscriptionNotFound, SubscriptionNotActive))
async def unsubscribe(
    subscription_id: PathId, caller: SignedIn, db: Write, body: UnsubscribeIn | None = None
) -> Answer[SubscriptionOut]:
    """Cancel: with the period, or at once without refund."""
    return answer(unsubscribing.unsubscribe(db, caller.uid, subscription_id, body or UnsubscribeIn()))


@router.get("/status/{subscription_id:int}", responses=problems(SubscriptionNotFound))
async def read_subscription(subscription_id: PathId, caller: SignedIn, db: Read) -> Answer[SubscriptionOut]:
    """One own subscription."""
    return answer(subscribing.find(db, caller.uid, subscription_id))


@router.get("/history")
async def history(
    *,
    caller: SignedIn,
    db: Read,
    query: Paging,
    status: Annotated[Status | None, Query()] = None,
    creator_id: Annotated[Id | None, Query()] = None,
    plan_id: Annotated[Id | None, Query()] = None,
) -> Answer[Page[SubscriptionOut]]:
    """Own subscriptions, past and present."""
    return answer(subscribing.history(db, query, caller.uid, status=status, creator_id=creator_id, plan_id=plan_id))


class Thing(BaseModel):
    """The query of SUB-012: exactly one thing."""

    content_id: Id | None = None
    media_id: Id | None = None
    creator_id: Id | None = None
    plan_id: Id | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            sentences = "content_id、media_id、creator_id、plan_id 须且仅须给出一个|give exactly one of content_id, media_id, creator_id, plan_id"
            raise ValueError(sentences)
        return self


@router.get("/access-check", responses=problems(ContentNotFound, PlanNotFound))
async def check_access(thing: Annotated[Thing, Query()], caller: SignedIn, db: Read) -> Answer[AccessOut]:
    """May the caller use a content, a file, a creator's or a plan's benefits; and what is lacking if not."""
    if thing.content_id is not None:
        return answer(access.to_content(db, caller, thing.content_id))
    if thing.media_id is not None:
        return answer(access.to_file(db, caller, thing.media_id))
    if thing.creator_id is not None:
        return answer(access.to_creator(db, caller, thing.creator_id))
    return answer(access.to_plan(db, caller, thing.plan_id or 0))


@router.get("/permissions")
async def permissions(caller: SignedIn, db: Read) -> Answer[PermissionsOut]:
    """Rights the caller holds through plans and membership."""
    return answer(access.permissions(db, caller))


app = create_app("subscriptions", router)
handler = lambda_handler(app)
