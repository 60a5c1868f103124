"""May the caller use something (SUB-012), and what do they hold (SUB-013)? The rule itself is `shared.views.access`.

What stands before a work or a plan is the same for everybody and is remembered for half a minute; what the caller holds is
read each time. So an environment that was asked about a work before answers with one DynamoDB read.
"""

from functions.subscriptions import memberships
from functions.subscriptions.errors import ContentNotFound, PlanNotFound
from functions.subscriptions.schemas import AccessOut, HeldRightOut, MembershipOut, PermissionsOut
from functions.subscriptions.store import rights as store
from functions.subscriptions.store.memberships import held as held_by
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.cache import remembered
from shared.caller import Caller
from shared.errors import NotFound
from shared.sql.connection import Connection
from shared.views.access import NO, Coverage, Decision, Paywall, by_membership, by_rights, depends_on_plan, standing
from shared.views.entitlements import Entitlement, Held, held

_STAFF_READS = "content:read"
_STAFF_READS_FILES = "media:read"


def to_content(db: Connection, caller: Caller, content_id: int) -> AccessOut:
    """Access to a content; one that is not published is known to its author and to staff only."""
    row = remembered(f"content:{content_id}", lambda: store.content(db, content_id))
    trusted = caller.may(_STAFF_READS)
    if row is None or row["status"] == "deleted":
        raise ContentNotFound
    if row["status"] != "published" and row["author_id"] != caller.uid and not trusted:
        raise ContentNotFound
    decision = _decide(row, caller, trusted=trusted)
    return _out(decision, [] if decision.allowed else _openers(row), None if decision.allowed else row["price"])


def to_file(db: Connection, caller: Caller, media_id: int) -> AccessOut:
    """Access to a file: its owner's and staff's, everyone's when public, else by any published work it is part of."""
    rows = remembered(f"file:{media_id}", lambda: store.file(db, media_id))
    if not rows:
        raise NotFound
    if rows[0]["owner_id"] == caller.uid:
        return _out(Decision(allowed=True, reason="owner"))
    if caller.may(_STAFF_READS_FILES):
        return _out(Decision(allowed=True, reason="granted"))
    if rows[0]["visibility"] == "public" and rows[0]["status"] == "ready":
        return _out(Decision(allowed=True, reason="free"))
    works = [row for row in rows if row["content_id"] is not None]
    for row in works:
        decision = _decide(row, caller, trusted=False)
        if decision.allowed:
            return _out(decision)
    prices = [row["price"] for row in works if row["price"] is not None]
    return _out(NO, sorted({plan_id for row in works for plan_id in _openers(row)}), min(prices, default=None))


def to_creator(db: Connection, caller: Caller, creator_id: int) -> AccessOut:
    """Access to what any plan of a creator gives."""
    if creator_id == caller.uid:
        return _out(Decision(allowed=True, reason="owner"))
    rights = held(caller.uid, creator_id)
    if rights.subscription is not None:
        return _out(_through(rights.subscription))
    decision = by_membership(rights, {"content:subscribers", f"creator:{creator_id}"})
    return _out(
        decision, [] if decision.allowed else remembered(f"plans:{creator_id}", lambda: store.plans_of(db, creator_id))
    )


def to_plan(db: Connection, caller: Caller, plan_id: int) -> AccessOut:
    """Access to what one plan gives: through it or a higher tier of the same creator."""
    plan = remembered(f"plan:{plan_id}", lambda: store.plan(db, plan_id))
    if plan is None:
        raise PlanNotFound
    if plan["creator_id"] == caller.uid:
        return _out(Decision(allowed=True, reason="owner"))
    right = held(caller.uid, plan["creator_id"]).subscription
    if right is not None and (right.plan_id == plan_id or (right.tier or 0) > plan["tier"]):
        return _out(_through(right))
    return _out(NO, [plan_id] if plan["status"] == "active" else [], plan["amount"])


def permissions(db: Connection, caller: Caller) -> PermissionsOut:
    """The rights held through running subscriptions and the platform's membership."""
    now = clock.now()
    running, grants = held_by(db, caller.uid, now)
    member = memberships.standing(memberships.laid_out(grants), now)
    return PermissionsOut.model_construct(
        items=[HeldRightOut.model_construct(**row) for row in running],
        membership=MembershipOut.model_construct(
            level=member.level, expires_at=member.expires_at, permissions=list(member.permissions)
        ),
    )


def _decide(row: Row, caller: Caller, *, trusted: bool) -> Decision:
    """By the shared rule; the read model is asked only when the answer depends on it."""
    wall = Paywall(
        row["content_id"],
        row["author_id"],
        row["access_level"],
        tuple(row["plan_ids"] or ()),
        frozenset(row["granted_user_ids"] or ()),
        row["available_from"],
        row["available_to"],
    )
    known = standing(wall, caller.uid, clock.now(), trusted=trusted)
    if known is not None:
        return known
    rights = held(caller.uid, wall.author_id, wall.content_id)
    return by_rights(wall, rights, _coverage(row, rights) if depends_on_plan(wall, rights) else None)


def _coverage(row: Row, rights: Held) -> Coverage:
    plan_id = rights.subscription.plan_id if rights.subscription else None
    return Coverage(
        in_scope=any(plan["in_scope"] for plan in row["plans"] if plan["plan_id"] == plan_id), lowest_tier=_lowest_tier(row)
    )


def _lowest_tier(row: Row) -> int | None:
    return min((plan["tier"] for plan in row["plans"] if plan["plan_id"] in row["plan_ids"]), default=None)


def _openers(row: Row) -> list[int]:
    """The plans on sale that would open a content for subscribers."""
    if row["access_level"] != "subscribers":
        return []
    lowest = _lowest_tier(row)
    return [
        plan["plan_id"]
        for plan in row["plans"]
        if plan["status"] == "active"
        and (
            plan["plan_id"] in row["plan_ids"]
            or (plan["in_scope"] and (not row["plan_ids"] or (lowest is not None and plan["tier"] >= lowest)))
        )
    ]


def _through(right: Entitlement) -> Decision:
    return Decision(
        allowed=True, reason="trial" if right.source == "trial" else "subscription", expires_at=right.valid_until
    )


def _out(decision: Decision, required_plan_ids: list[int] | None = None, price: int | None = None) -> AccessOut:
    """What is still lacking is named only while access is."""
    return AccessOut.model_construct(
        allowed=decision.allowed,
        reason=decision.reason,
        expires_at=decision.expires_at,
        required_plan_ids=required_plan_ids or [],
        price=price,
    )
