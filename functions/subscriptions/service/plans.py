"""What a creator does with plans, and what everyone may see of them."""

from typing import Any

import psycopg

from functions.subscriptions.errors import AmountInvalid, ContentNotFound, NotPlanOwner, PlanNameExists, PlanNotFound
from functions.subscriptions.schemas import CreatePlanIn, PlanOut, UpdatePlanIn
from functions.subscriptions.service.views import plan_out
from functions.subscriptions.store import plans as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.errors import Unauthenticated
from shared.http.envelope import Page
from shared.paging import PageQuery
from shared.sql.connection import Connection

MOST = 10**13
"""Fen; far above any price, far below what a sum could overflow."""


def _out(row: Row | None) -> PlanOut:
    if row is None:
        raise PlanNotFound
    return plan_out(row["plan"])


def plan(db: Connection, plan_id: int) -> PlanOut:
    """One plan, archived or not: who runs on it still wants to see it."""
    return _out(store.find(db, plan_id))


def page(db: Connection, query: PageQuery, viewer: int | None, creator_id: int | None, status: str | None) -> Page[PlanOut]:
    """Plans on sale, lowest tier first unless another order is asked for; archived ones for their creator only."""
    if query.sort_by is None:
        query = query.model_copy(update={"sort_by": "tier", "sort_order": "asc"})
    filters: dict[str, object] = {"status": status or "active", "creator_id": creator_id}
    if status == "archived":
        if viewer is None:
            raise Unauthenticated
        filters["owner_id"] = viewer
    return store.PLANS.page(db, query, filters, lambda row: plan_out(row["plan"]))


def create(db: Connection, creator_id: int, wish: CreatePlanIn) -> PlanOut:
    """Put a plan on sale."""
    fields = _checked(db, creator_id, wish.model_dump())
    row = store.insert(db, creator_id, fields, clock.now())
    if row is None:
        raise PlanNameExists
    return plan_out(row["plan"])


def update(db: Connection, creator_id: int, plan_id: int, wish: UpdatePlanIn) -> PlanOut:
    """Change a plan. Who is subscribed keeps tier and price until the next renewal, for those stand in the subscription."""
    known = _own(db, creator_id, plan_id)
    changes = wish.model_dump(exclude_unset=True)
    if "content_scope" in changes:
        changes.setdefault("content_ids", None)
    fields = {name: value for name, value in known.items() if name != "creator_id"} | _checked(db, creator_id, changes)
    try:
        return _out(store.update(db, plan_id, fields, clock.now()))
    except psycopg.errors.UniqueViolation as error:
        raise PlanNameExists from error


def archive(db: Connection, creator_id: int, plan_id: int) -> PlanOut:
    """Take a plan off sale for good; its subscriptions end with their periods. Once more changes nothing."""
    _own(db, creator_id, plan_id)
    return _out(store.archive(db, plan_id, clock.now()))


def _own(db: Connection, creator_id: int, plan_id: int) -> Row:
    known = store.lock(db, plan_id)
    if known is None:
        raise PlanNotFound
    if known["creator_id"] != creator_id:
        raise NotPlanOwner
    return known


def _checked(db: Connection, creator_id: int, fields: dict[str, Any]) -> dict[str, Any]:
    """The given fields, empty lists for null ones. Raises AmountInvalid, or ContentNotFound for a work of others."""
    if "amount" in fields and not 0 <= fields["amount"] <= MOST:
        raise AmountInvalid(least=0, most=MOST)
    for name in ("benefits", "permissions", "content_ids"):
        if name in fields:
            fields[name] = fields[name] or []
    if fields.get("content_ids") and (foreign := store.foreign_contents(db, creator_id, fields["content_ids"])):
        raise ContentNotFound(content_ids=foreign)
    return fields
