"""Gifts: bought, looked at by who bought them, redeemed by who has the code."""

from typing import Final

from fastapi import APIRouter

from functions.subscriptions.errors import (
    AlreadySubscribed,
    CannotSubscribeSelf,
    GiftNotFound,
    GiftRedeemed,
    NotForSale,
    PlanArchived,
    PlanFull,
    PlanNotFound,
)
from functions.subscriptions.gift_schemas import (
    GiftBriefOut,
    GiftOut,
    GiftStatus,
    GiveIn,
    OwnGiftOut,
    RedeemedOut,
    RedeemIn,
)
from functions.subscriptions.service import gifts
from shared import ratelimit
from shared.errors import RateLimited
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/subscriptions/gifts", tags=["subscriptions"])
TRIES: Final = ratelimit.Limit("gift_codes", 10)
"""Beside the limit of all calls: nobody has more codes than that to type in a minute."""


@router.post("", responses=problems(PlanNotFound, PlanArchived, PlanFull, CannotSubscribeSelf, NotForSale))
async def give(body: GiveIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[GiftOut]:
    """Buy periods of a plan for somebody else: an order to pay, and a code once it is paid."""
    once.claim(db, caller)
    return once.keep(db, answer(gifts.give(db, caller.uid, body)), 200)


@router.get("")
async def list_gifts(
    caller: SignedIn, db: Read, query: Paging, status: GiftStatus | None = None
) -> Answer[Page[GiftBriefOut]]:
    """Gifts the caller bought; the code of each is shown by itself."""
    return answer(gifts.page(db, query, caller.uid, status))


@router.get("/{gift_id:int}", responses=problems(GiftNotFound))
async def read_gift(gift_id: PathId, caller: SignedIn, db: Read) -> Answer[OwnGiftOut]:
    """One own gift with its code."""
    return answer(gifts.find(db, caller.uid, gift_id))


@router.post("/redeem", responses=problems(GiftNotFound, GiftRedeemed, AlreadySubscribed, CannotSubscribeSelf))
async def redeem(body: RedeemIn, caller: SignedIn, db: Write) -> Answer[RedeemedOut]:
    """Redeem a code: the subscription it stands for begins."""
    tried = ratelimit.take(TRIES, str(caller.uid))
    if not tried.allowed:
        raise RateLimited(retry_after=tried.reset_seconds)
    return answer(gifts.redeem(db, caller.uid, body.redeem_code))
