"""Gifts: periods of a plan bought for somebody else, and redeemed by whoever has the code.

A gift is sold when it is paid. What its plan becomes, or how many subscribe to it, does not matter to it any more.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.subscriptions import gift_codes
from functions.subscriptions.errors import (
    CannotSubscribeSelf,
    GiftNotFound,
    GiftRedeemed,
    NotForSale,
    PlanArchived,
    PlanNotFound,
)
from functions.subscriptions.gift_schemas import GiftBriefOut, GiftOut, GiveIn, OwnGiftOut, RedeemedOut
from functions.subscriptions.periods import MONTHS
from functions.subscriptions.service import subscribing
from functions.subscriptions.service.views import plan_out
from functions.subscriptions.store import gifts as store
from functions.subscriptions.store import subscriptions
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.http.envelope import Page
from shared.ids import new_order_no
from shared.paging import PageQuery
from shared.sql.connection import Connection
from shared.sql.tunables import tunable
from shared.views import prices

_SHOWN = tuple(name for name in GiftBriefOut.model_fields if name != "plan")
_HAS_CODE = frozenset({"paid", "redeemed"})


def give(db: Connection, buyer_id: int, wish: GiveIn) -> GiftOut:
    """A gift and the order that pays it, at the plan's price for so many periods as quotes compute it.

    Raises PlanNotFound, CannotSubscribeSelf, PlanArchived, PlanFull, or NotForSale for a plan that costs nothing.
    """
    now, order_no, code = clock.now(), new_order_no(), gift_codes.new()
    sealed = gift_codes.seal(code, order_no)
    found = subscriptions.plan_for(db, wish.plan_id, buyer_id)
    if found is None:
        raise PlanNotFound
    subscribing.check_on_sale(buyer_id, found)
    subscribing.check_places(found)
    plan = found["plan"]
    if plan["amount"] == 0:
        raise NotForSale
    price = prices.hold(db, prices.Wish("plan", wish.plan_id, buyer_id, quantity=wish.periods), now)
    if price is None:
        raise PlanArchived
    times = f" × {wish.periods}" if wish.periods > 1 else ""
    giving = store.Giving(
        buyer_id=buyer_id,
        creator_id=found["creator_id"],
        plan_id=wish.plan_id,
        tier=plan["tier"],
        periods=wish.periods,
        months=MONTHS[plan["interval"]] * wish.periods,
        message=wish.message,
        order_no=order_no,
        code_hash=gift_codes.digest(code),
        code_sealed=sealed,
        title=f"{plan['creator']['display_name']} · {plan['name']}{times}",
        expires_at=now + timedelta(minutes=tunable(db, "payment.order_minutes")),
        at=now,
    )
    gift_id = store.open_with_order(db, giving, price)
    prices.reserve(db, order_no, buyer_id, price, expires_at=giving.expires_at, at=now)
    return GiftOut.model_construct(gift_id=gift_id, order_no=order_no, status="pending", redeem_code=None)


def page(db: Connection, query: PageQuery, user_id: int, status: str | None) -> Page[GiftBriefOut]:
    """Gifts the caller bought, newest first."""
    return store.GIVEN.page(db, query, {"user_id": user_id, "status": status}, _brief)


def find(db: Connection, user_id: int, gift_id: int) -> OwnGiftOut:
    """One own gift, with its code once it is paid. Raises GiftNotFound."""
    row = store.find(db, user_id, gift_id)
    if row is None:
        raise GiftNotFound
    code = gift_codes.reveal(row["code_sealed"], row["order_no"]) if row["status"] in _HAS_CODE else None
    return OwnGiftOut.model_construct(**dict(_brief(row)), redeem_code=code)


def _brief(row: Mapping[str, Any]) -> GiftBriefOut:
    return GiftBriefOut.model_construct(**{name: row[name] for name in _SHOWN}, plan=plan_out(row["plan"]))


def redeem(db: Connection, user_id: int, code: str) -> RedeemedOut:
    """Begin the subscription a code stands for, once, for whoever comes first; its buyer may, its creator may not.

    A code that was never made, is not paid or was refunded is answered alike. Raises GiftNotFound, GiftRedeemed,
    CannotSubscribeSelf, or AlreadySubscribed.
    """
    now = clock.now()
    gift = store.hold_code(db, gift_codes.digest(code))
    if gift is None or gift["status"] not in _HAS_CODE:
        raise GiftNotFound
    if gift["status"] == "redeemed":
        raise GiftRedeemed
    if gift["creator_id"] == user_id:
        raise CannotSubscribeSelf
    lock_user(db, user_id)
    found = subscribing.look(db, user_id, gift["plan_id"], now)
    subscribing.check_nothing_lives(found)
    begun = subscribing.begin(db, _opening(user_id, gift, now), found["plan"])
    store.redeem(db, gift["gift_id"], user_id, now)
    return RedeemedOut.model_construct(**dict(begun), message=gift["message"])


def _opening(user_id: int, gift: Row, now: datetime) -> subscriptions.Opening:
    return subscriptions.Opening(
        user_id=user_id,
        creator_id=gift["creator_id"],
        plan_id=gift["plan_id"],
        tier=gift["tier"],
        amount=gift["amount"],
        status="active",
        auto_renew=False,
        channel=None,
        kind="gift",
        months=gift["months"],
        days=0,
        starts=None,
        ends=None,
        order_no=None,
        expires_at=None,
        at=now,
        gift_id=gift["gift_id"],
    )
