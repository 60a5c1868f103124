"""The platform's memberships on sale, as everyone sees them and staff change them."""

import psycopg

from functions.subscriptions.errors import PlanNameExists, PlanNotFound
from functions.subscriptions.membership_schemas import (
    CreateMembershipPlanIn,
    MembershipPlanOut,
    MembershipPlansOut,
    UpdateMembershipPlanIn,
)
from functions.subscriptions.store import membership_plans as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.sql.connection import Connection


def _out(row: Row | None) -> MembershipPlanOut:
    if row is None:
        raise PlanNotFound
    return MembershipPlanOut.model_construct(**row)


def on_sale(db: Connection) -> MembershipPlansOut:
    """The plans on sale, lowest level first."""
    return MembershipPlansOut.model_construct(items=[_out(row) for row in store.on_sale(db)])


def create(db: Connection, wish: CreateMembershipPlanIn) -> MembershipPlanOut:
    """Put a membership on sale. Raises PlanNameExists."""
    try:
        return _out(store.insert(db, wish.model_dump(), clock.now()))
    except psycopg.errors.UniqueViolation as error:
        raise PlanNameExists from error


def update(db: Connection, plan_id: int, wish: UpdateMembershipPlanIn) -> tuple[Row, MembershipPlanOut]:
    """Change a membership, or take it off sale; what it was before comes too, for the audit.

    Who bought it keeps what they bought. Raises PlanNotFound or PlanNameExists.
    """
    known = store.lock(db, plan_id)
    if known is None:
        raise PlanNotFound
    try:
        return known, _out(store.update(db, plan_id, known | wish.model_dump(exclude_unset=True), clock.now()))
    except psycopg.errors.UniqueViolation as error:
        raise PlanNameExists from error
