"""The finance desk decides how the income of memberships is shared among creators."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path

from functions.finance.earning_schemas import MONTH, PoolOut, PoolRuleIn, PoolRuleOut
from functions.finance.errors import CreatorNotFound, EffectiveFromInPast
from functions.finance.service import pool
from functions.finance.store.pool import Rule
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/earnings/pool", tags=["finance"])


@router.put("/rule", responses=problems(CreatorNotFound, EffectiveFromInPast))
async def set_pool_rule(
    body: PoolRuleIn, caller: Annotated[Caller, staff("finance:write")], context: Context, db: Write
) -> Answer[PoolRuleOut]:
    """Share the income of memberships from a month on: `equal` among authors, by fixed `weights`, or by `usage` (sales)."""
    rule = Rule(date.fromisoformat(f"{body.from_month}-01"), body.rule, body.share_bp)
    pool.set_rule(db, caller.uid, rule, [(one.creator_id, one.weight) for one in body.weights], body.reason)
    audit.admin_operation(db, caller, context, "pool_rule.set", ("pool_rule", 0), after=body.model_dump(mode="json"))
    return answer(PoolRuleOut.model_construct(from_month=body.from_month, rule=body.rule, share_bp=body.share_bp))


@router.get("/{month}")
async def pool_of_month(
    month: Annotated[str, Path(pattern=MONTH)], _caller: Annotated[Caller, staff("finance:read")], db: Read
) -> Answer[PoolOut]:
    """What a month of membership income came to; one that is not shared yet, as if it were shared now."""
    found = pool.preview(db, date.fromisoformat(f"{month}-01"))
    if found is None:
        nothing = PoolOut.model_construct(month=month, rule=None, share_bp=0, income=0, amount=0, creators=0, status="none")
        return answer(nothing)
    split, is_shared = found
    return answer(
        PoolOut.model_construct(
            month=month,
            rule=split.way,
            share_bp=split.share_bp,
            income=split.income,
            amount=split.amount,
            creators=split.creators,
            status="shared" if is_shared else "open",
        )
    )
