"""What the owner of a subscription does with it while it lasts."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.subscriptions.errors import (
    AlreadyDisabled,
    AlreadySubscribed,
    NotActive,
    NotPaused,
    PlanArchived,
    PlanFull,
    PlanNotFound,
    PlanOfOtherCreator,
    ResumeAtInvalid,
    SamePlan,
    SubscriptionNotActive,
    SubscriptionNotFound,
)
from functions.subscriptions.schemas import (
    ChangedPlanOut,
    ChangePlanIn,
    ChangePreviewOut,
    PauseIn,
    ResumedOut,
    SubscriptionOut,
)
from functions.subscriptions.service import agreements, changing, pausing, renewing
from shared.http.app import BASE
from shared.http.auth import Context, SignedIn
from shared.http.envelope import Answer, Id, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/subscriptions", tags=["subscriptions"])


@router.post("/pause/{subscription_id:int}", responses=problems(SubscriptionNotFound, NotActive, ResumeAtInvalid))
async def pause(
    subscription_id: PathId, caller: SignedIn, db: Write, body: PauseIn | None = None
) -> Answer[SubscriptionOut]:
    """Pause when the paid period ends, and with it access; until a date if one is given."""
    return answer(pausing.pause(db, caller.uid, subscription_id, body or PauseIn()))


@router.post("/resume/{subscription_id:int}", responses=problems(SubscriptionNotFound, NotPaused, PlanArchived))
async def resume(subscription_id: PathId, caller: SignedIn, db: Write) -> Answer[ResumedOut]:
    """End a pause: a new period starts when its order is paid."""
    return answer(pausing.resume(db, caller.uid, subscription_id))


_CHANGE = (
    SubscriptionNotFound,
    PlanNotFound,
    SubscriptionNotActive,
    SamePlan,
    PlanArchived,
    PlanFull,
    PlanOfOtherCreator,
)


@router.get("/change-plan/{subscription_id:int}/preview", responses=problems(*_CHANGE))
async def preview_change(
    *,
    subscription_id: PathId,
    plan_id: Annotated[Id, Query()],
    when: Annotated[changing.When, Query()] = "now",
    caller: SignedIn,
    context: Context,
    db: Read,
) -> Answer[ChangePreviewOut]:
    """Every line of a change of plan before it is made."""
    return answer(changing.preview(db, caller.uid, subscription_id, plan_id=plan_id, when=when, locale=context.locale))


@router.post("/change-plan/{subscription_id:int}", responses=problems(*_CHANGE, AlreadySubscribed))
async def change_plan(
    subscription_id: PathId, body: ChangePlanIn, caller: SignedIn, db: Write, once: OnceOnly
) -> Answer[ChangedPlanOut]:
    """Move to another tier of the same creator: a higher one when its order is paid, another one with the next period."""
    once.claim(db, caller)
    return once.keep(db, answer(changing.change(db, caller.uid, subscription_id, body.plan_id)), 200)


@router.post("/cancel-renew/{subscription_id:int}", responses=problems(SubscriptionNotFound, AlreadyDisabled))
async def stop_renewing(subscription_id: PathId, caller: SignedIn, db: Write) -> Answer[SubscriptionOut]:
    """Turn automatic renewal off; an agreement that renews nothing else ends with it."""
    stopped = renewing.turn_off(db, caller.uid, subscription_id)
    agreements.end_unused(db, caller.uid)
    return answer(stopped)
