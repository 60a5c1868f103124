"""What the owner of a subscription does with it while it lasts."""

from fastapi import APIRouter

from functions.subscriptions.errors import NotActive, NotPaused, PlanArchived, ResumeAtInvalid, SubscriptionNotFound
from functions.subscriptions.schemas import PauseIn, ResumedOut, SubscriptionOut
from functions.subscriptions.service import pausing
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Write

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
