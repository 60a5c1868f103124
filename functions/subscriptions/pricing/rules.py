"""Pricing rules of creators, and the quote for everyone."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.subscriptions.errors import CouponNotApplicable, NotPlanOwner
from functions.subscriptions.pricing_errors import NotRuleOwner, RuleConfigInvalid, RuleNotFound, TargetNotFound
from functions.subscriptions.pricing_schemas import (
    Code,
    CreateRuleIn,
    GoneOut,
    QuoteOut,
    RuleOut,
    RuleTarget,
    TargetType,
    UpdateRuleIn,
)
from functions.subscriptions.service.pricing import quotes, rules
from shared.http.app import BASE
from shared.http.auth import Creator, Public
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.views.prices import Wish

router = APIRouter(prefix=BASE + "/pricing", tags=["subscriptions"])


@router.get("/rules")
async def list_rules(
    *,
    caller: Creator,
    db: Read,
    query: Paging,
    target_type: RuleTarget | None = None,
    target_id: Annotated[Id | None, Query()] = None,
) -> Answer[Page[RuleOut]]:
    """Own pricing rules."""
    return answer(rules.page(db, query, caller.uid, target_type, target_id))


@router.post("/rules", status_code=201, responses=problems(TargetNotFound, NotPlanOwner, RuleConfigInvalid))
async def create_rule(body: CreateRuleIn, caller: Creator, db: Write) -> Answer[RuleOut]:
    """Let the price of an own plan or content follow a rule."""
    return answer(rules.create(db, caller.uid, body))


@router.put(
    "/rules/{rule_id:int}",
    responses=problems(RuleNotFound, TargetNotFound, NotRuleOwner, NotPlanOwner, RuleConfigInvalid),
)
async def update_rule(rule_id: PathId, body: UpdateRuleIn, caller: Creator, db: Write) -> Answer[RuleOut]:
    """Change a pricing rule."""
    return answer(rules.update(db, caller.uid, rule_id, body))


@router.delete("/rules/{rule_id:int}", responses=problems(RuleNotFound))
async def delete_rule(rule_id: PathId, caller: Creator, db: Write) -> Answer[GoneOut]:
    """Delete a pricing rule."""
    rules.delete(db, caller.uid, rule_id)
    return answer(GoneOut.model_construct(deleted=True))


@router.get("/quote", responses=problems(TargetNotFound, CouponNotApplicable))
async def read_quote(
    *,
    viewer: Public,
    db: Read,
    target_type: TargetType,
    target_id: Annotated[Id, Query()],
    coupon_code: Code | None = None,
    quantity: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Answer[QuoteOut]:
    """The price now with every line that makes it, by the computation that orders use."""
    wish = Wish(target_type, target_id, viewer.uid if viewer else None, coupon_code, quantity)
    return answer(quotes.priced(db, wish))
