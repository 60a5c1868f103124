"""Own subscriptions: begun, looked at, ended."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.subscriptions.errors import (
    AlreadySubscribed,
    CannotSubscribeSelf,
    CouponNotApplicable,
    PlanArchived,
    PlanFull,
    PlanNotFound,
    SubscriptionNotActive,
    SubscriptionNotFound,
)
from functions.subscriptions.schemas import SubscribedOut, SubscribeIn, SubscriptionOut, UnsubscribeIn
from functions.subscriptions.service import agreements, subscribing, unsubscribing
from functions.subscriptions.states import Status
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/subscriptions", tags=["subscriptions"])


@router.post(
    "/subscribe",
    status_code=201,
    responses=problems(PlanNotFound, PlanArchived, PlanFull, AlreadySubscribed, CannotSubscribeSelf, CouponNotApplicable),
)
async def subscribe(body: SubscribeIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[SubscribedOut]:
    """Subscribe: pending with an order to pay, or at once when nothing is payable or a trial starts."""
    once.claim(db, caller)
    begun = agreements.adopt(db, caller.uid, body, subscribing.subscribe(db, caller.uid, body))
    return once.keep(db, answer(begun), 201)


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
