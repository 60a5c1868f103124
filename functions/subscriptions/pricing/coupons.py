"""Coupons: made by creators, used by buyers."""

from typing import Literal

from fastapi import APIRouter

from functions.subscriptions.errors import CouponNotApplicable
from functions.subscriptions.pricing_errors import (
    CouponCodeExists,
    CouponExhausted,
    CouponExpired,
    CouponLimitReached,
    CouponNotFound,
    NotCouponOwner,
    OrderNotFound,
    OrderNotPending,
    PeriodInvalid,
    QuantityBelowUsed,
    TargetNotFound,
)
from functions.subscriptions.pricing_schemas import (
    CouponOut,
    CouponStatus,
    CreateCouponIn,
    UpdateCouponIn,
    UseCouponIn,
    UsedCouponOut,
    ValidateCouponIn,
    ValidatedOut,
)
from functions.subscriptions.service.pricing import coupons
from shared.http.app import BASE
from shared.http.auth import Creator, SignedIn
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/coupons", tags=["subscriptions"])


@router.post("/create", status_code=201, responses=problems(CouponCodeExists, PeriodInvalid, TargetNotFound))
async def create_coupon(body: CreateCouponIn, caller: Creator, db: Write) -> Answer[CouponOut]:
    """Make a coupon for own plans or contents; the code is made up when none is given."""
    return answer(coupons.create(db, caller.uid, body))


@router.post("/validate", responses=problems(CouponNotFound, TargetNotFound))
async def validate_coupon(body: ValidateCouponIn, caller: SignedIn, db: Read) -> Answer[ValidatedOut]:
    """What a code would do for a purchase; nothing is taken."""
    return answer(coupons.validate(db, caller.uid, body))


@router.post(
    "/use",
    responses=problems(
        CouponNotFound,
        OrderNotFound,
        OrderNotPending,
        CouponExpired,
        CouponExhausted,
        CouponLimitReached,
        CouponNotApplicable,
    ),
)
async def use_coupon(body: UseCouponIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[UsedCouponOut]:
    """Lay a coupon on an own order whose payment has not begun: one per order, and it changes the price once."""
    once.claim(db, caller)
    return once.keep(db, answer(coupons.use(db, caller.uid, body)))


@router.get("")
async def list_coupons(
    *,
    caller: SignedIn,
    db: Read,
    query: Paging,
    view: Literal["created", "usable"] = "usable",
    status: CouponStatus | None = None,
) -> Answer[Page[CouponOut]]:
    """Coupons the caller made, or may use with creators whose customer the caller is."""
    return answer(coupons.page(db, query, caller.uid, view, status))


@router.put("/{coupon_id:int}", responses=problems(CouponNotFound, NotCouponOwner, QuantityBelowUsed, PeriodInvalid))
async def update_coupon(coupon_id: PathId, body: UpdateCouponIn, caller: Creator, db: Write) -> Answer[CouponOut]:
    """Change an own coupon's quantity or end, disable it or take it up again. What was reserved stays so."""
    return answer(coupons.update(db, caller.uid, coupon_id, body))
