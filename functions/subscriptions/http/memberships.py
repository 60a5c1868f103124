"""Memberships on sale."""

from fastapi import APIRouter

from functions.subscriptions.membership_schemas import MembershipPlansOut
from functions.subscriptions.service import membership_plans
from shared.http.app import BASE
from shared.http.auth import Public
from shared.http.envelope import Answer, answer
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/membership-plans", tags=["subscriptions"])


@router.get("")
async def list_membership_plans(_viewer: Public, db: Read) -> Answer[MembershipPlansOut]:
    """The platform's memberships on sale, lowest level first."""
    return answer(membership_plans.on_sale(db))
