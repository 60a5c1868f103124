"""The platform's memberships, for staff."""

from typing import Annotated

from fastapi import APIRouter

from functions.subscriptions.errors import PlanNameExists, PlanNotFound
from functions.subscriptions.membership_schemas import CreateMembershipPlanIn, MembershipPlanOut, UpdateMembershipPlanIn
from functions.subscriptions.service import membership_plans
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/admin/membership-plans", tags=["subscriptions"])


@router.post("", status_code=201, responses=problems(PlanNameExists))
async def create_membership_plan(
    body: CreateMembershipPlanIn, caller: Annotated[Caller, staff("subscription:write")], context: Context, db: Write
) -> Answer[MembershipPlanOut]:
    """Put a membership on sale."""
    made = membership_plans.create(db, body)
    target = ("membership_plan", made.plan_id)
    audit.admin_operation(db, caller, context, "create_membership_plan", target, after=body.model_dump(mode="json"))
    return answer(made)


@router.put("/{plan_id:int}", responses=problems(PlanNotFound, PlanNameExists))
async def update_membership_plan(
    plan_id: PathId,
    body: UpdateMembershipPlanIn,
    caller: Annotated[Caller, staff("subscription:write")],
    context: Context,
    db: Write,
) -> Answer[MembershipPlanOut]:
    """Change a membership or take it off sale; who bought it keeps what they bought."""
    before, changed = membership_plans.update(db, plan_id, body)
    sent = body.model_dump(mode="json", exclude_unset=True)
    shown = MembershipPlanOut.model_construct(**before).model_dump(mode="json", include=set(sent))
    target = ("membership_plan", plan_id)
    audit.admin_operation(db, caller, context, "update_membership_plan", target, before=shown, after=sent)
    return answer(changed)
