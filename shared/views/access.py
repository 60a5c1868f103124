"""May this person use that work? One rule, asked by content, media and subscriptions alike (rules.md §4, §5).

A membership of the platform opens what its permissions list: `content:subscribers` and `content:paid` every work of that
level, `content:{id}` one work, `creator:{id}` the works of one creator for subscribers (docs/memberships.md).

Most questions need no look-up: `standing` answers those. The others need what the person holds (`entitlements.held`),
and for a subscription the coverage of its plan (`subscriptions.pub_plans`); `by_rights` answers them. Both are pure;
`may_use` asks them in turn and looks up only what they need.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.sql.connection import Connection
from shared.views.entitlements import Entitlement, Held, held

Level = Literal["free", "subscribers", "paid"]
Reason = Literal["free", "owner", "subscription", "purchase", "membership", "trial", "granted", "none"]


@dataclass(frozen=True, slots=True)
class Paywall:
    """What stands between a published work and its readers. No `plan_ids` means any plan of the author."""

    content_id: int
    author_id: int
    access_level: Level
    plan_ids: tuple[int, ...] = ()
    granted_user_ids: frozenset[int] = frozenset()
    available_from: datetime | None = None
    available_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the work may be used, why, and until when if that is known."""

    allowed: bool
    reason: Reason
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the held plan covers: `in_scope` unless it is limited to other works; the lowest tier among `plan_ids`."""

    in_scope: bool
    lowest_tier: int | None


NO = Decision(allowed=False, reason="none")


def may_use(db: Connection, wall: Paywall, uid: int | None, at: datetime, *, trusted: bool = False) -> Decision:
    """The whole question: at most one DynamoDB read, and one SQL read when a subscription's plan must be looked at."""
    decided = standing(wall, uid, at, trusted=trusted)
    if decided is not None or uid is None:
        return decided or NO
    rights = held(uid, wall.author_id, wall.content_id)
    return by_rights(wall, rights, _coverage(db, wall, rights) if depends_on_plan(wall, rights) else None)


def standing(wall: Paywall, uid: int | None, at: datetime, *, trusted: bool = False) -> Decision | None:
    """The answer that needs no look-up, or None when it depends on what the person holds.

    `trusted` are collaborators and staff with content:read.
    """
    if uid is not None and uid == wall.author_id:
        return Decision(allowed=True, reason="owner")
    if trusted or (uid is not None and uid in wall.granted_user_ids):
        return Decision(allowed=True, reason="granted")
    early = wall.available_from is not None and at < wall.available_from
    late = wall.available_to is not None and at >= wall.available_to
    if early or late:
        return NO
    if wall.access_level == "free":
        return Decision(allowed=True, reason="free")
    return NO if uid is None else None


def depends_on_plan(wall: Paywall, held: Held) -> bool:
    """Whether `by_rights` needs the Coverage of the held plan: a subscription that is not to a listed plan itself."""
    subscription = held.subscription
    return (
        wall.access_level == "subscribers"
        and held.purchase is None
        and subscription is not None
        and subscription.plan_id not in wall.plan_ids
    )


def by_rights(wall: Paywall, held: Held, coverage: Coverage | None = None) -> Decision:
    """The answer from what is held: a purchase opens its work for good, a subscription what its plan reaches, else it is
    what a membership's permissions list.
    """
    if held.purchase is not None:
        return Decision(allowed=True, reason="purchase", expires_at=held.purchase.valid_until)
    subscription = held.subscription
    if wall.access_level != "subscribers" or subscription is None or not _reaches(wall, subscription, coverage):
        return by_membership(held, {f"content:{wall.access_level}", f"content:{wall.content_id}", *_as_subscriber(wall)})
    reason: Reason = "trial" if subscription.source == "trial" else "subscription"
    return Decision(allowed=True, reason=reason, expires_at=subscription.valid_until)


def by_membership(held: Held, any_of: AbstractSet[str]) -> Decision:
    """The answer of a membership that has one of these permissions now, for as long as it will have one."""
    until = None
    for term in held.membership:
        if term.permissions.isdisjoint(any_of):
            break
        until = term.until
    return NO if until is None else Decision(allowed=True, reason="membership", expires_at=until)


def _as_subscriber(wall: Paywall) -> list[str]:
    return [f"creator:{wall.author_id}"] if wall.access_level == "subscribers" else []


def _reaches(wall: Paywall, subscription: Entitlement, coverage: Coverage | None) -> bool:
    """A listed plan, or any plan when none is listed, or a higher tier than a listed one."""
    if subscription.plan_id in wall.plan_ids:
        return True
    if coverage is None or not coverage.in_scope:
        return False
    if not wall.plan_ids:
        return True
    return coverage.lowest_tier is not None and subscription.tier is not None and subscription.tier >= coverage.lowest_tier


def _coverage(db: Connection, wall: Paywall, rights: Held) -> Coverage:
    row = db.execute(
        """
        SELECT coalesce(bool_or(content_scope = 'all' OR %(content)s = ANY (content_ids))
                   FILTER (WHERE plan_id = %(held)s), false),
               min(tier) FILTER (WHERE plan_id = ANY (%(listed)s))
        FROM subscriptions.pub_plans WHERE plan_id = %(held)s OR plan_id = ANY (%(listed)s)
        """,
        {
            "content": wall.content_id,
            "held": rights.subscription.plan_id if rights.subscription else None,
            "listed": list(wall.plan_ids),
        },
    ).fetchone()
    return Coverage(in_scope=bool(row and row[0]), lowest_tier=row[1] if row else None)
