"""The finance desk agrees terms with creators: share rates and holds."""

from typing import Annotated

from fastapi import APIRouter

from functions.finance.errors import CreatorNotFound, EffectiveFromInPast
from functions.finance.schemas import HoldIn, HoldOut, RateIn, RateSetOut
from functions.finance.service import terms
from functions.finance.service.terms import Rate
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/earnings", tags=["finance"])


@router.put("/creator-share/{creator_id}", responses=problems(CreatorNotFound, EffectiveFromInPast))
async def set_creator_share(
    creator_id: PathId, body: RateIn, caller: Annotated[Caller, staff("finance:write")], context: Context, db: Write
) -> Answer[RateSetOut]:
    """Set a creator's share from a day in Shanghai on, of everything or of one kind. What is booked keeps its rate."""
    rate = Rate(body.rate_bp, body.effective_from, body.kind)
    before = terms.set_rate(db, caller.uid, creator_id, rate, body.reason)
    audit.admin_operation(
        db,
        caller,
        context,
        "creator_share.set",
        ("creator", creator_id),
        before={"rate_bp": before},
        after=body.model_dump(mode="json"),
    )
    return answer(
        RateSetOut.model_construct(
            creator_id=creator_id, rate_bp=body.rate_bp, effective_from=body.effective_from, kind=body.kind
        )
    )


@router.put("/hold/{creator_id}", responses=problems(CreatorNotFound))
async def set_creator_hold(
    creator_id: PathId, body: HoldIn, caller: Annotated[Caller, staff("finance:write")], context: Context, db: Write
) -> Answer[HoldOut]:
    """Set how long a creator's earnings are held before they are settled; it counts for what is sold from now on."""
    before = terms.set_hold(db, caller.uid, creator_id, body.hold_days, body.reason)
    audit.admin_operation(
        db,
        caller,
        context,
        "creator_hold.set",
        ("creator", creator_id),
        before={"hold_days": before},
        after=body.model_dump(mode="json"),
    )
    return answer(HoldOut.model_construct(creator_id=creator_id, hold_days=body.hold_days))
