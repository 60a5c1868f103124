"""The entitlements read model (DynamoDB): may this user use that creator's work? One round trip.

Written by subscriptions only, from its own committed facts; each row carries the version of the fact that wrote it, so
that facts delivered late or twice never turn a row back.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from shared import clock
from shared.dynamo.base import Item, condition_failed, meta

MEMBERSHIP = "MEMBERSHIP"
"""The sort key of a person's platform membership."""


class EntitlementItem(Item):
    """pk `U#{uid}`, sk `CREATOR#{creator_id}` (subscription), `CONTENT#{content_id}` (purchase) or `MEMBERSHIP`."""

    Meta = meta("entitlements")

    plan_id: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    tier: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    source: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    """`subscription`, `trial`, `purchase` or `membership`."""
    valid_until: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    """Epoch seconds; absent means for good."""
    terms: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    """Of a membership: `[[until, [permission, …]], …]`, one after the other, so that no write is due when one ends."""
    revoked: ClassVar[NumberAttribute] = NumberAttribute(default=0)
    version: ClassVar[NumberAttribute] = NumberAttribute()


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A right in force now."""

    source: str
    plan_id: int | None
    tier: int | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Term:
    """Until when a membership gives these permissions."""

    until: datetime
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Held:
    """What a user holds towards one creator and one content, and as a member: the term that runs and those after it."""

    subscription: Entitlement | None
    purchase: Entitlement | None
    membership: Sequence[Term] = ()


def held(uid: int, creator_id: int, content_id: int | None = None) -> Held:
    """The rights of `uid` towards a creator and, if given, one content; one BatchGetItem. Expired ones are not held."""
    keys = [(f"U#{uid}", f"CREATOR#{creator_id}"), (f"U#{uid}", MEMBERSHIP)]
    if content_id is not None:
        keys.append((f"U#{uid}", f"CONTENT#{content_id}"))
    items = {item.sk: item for item in EntitlementItem.batch_get(keys)}
    member = items.pop(MEMBERSHIP, None)
    found = {sk: in_force(item) for sk, item in items.items()}
    return Held(
        found.get(keys[0][1]),
        found.get(keys[-1][1]) if content_id is not None else None,
        () if member is None else terms_in_force(member),
    )


def in_force(item: EntitlementItem) -> Entitlement | None:
    """The right an item stands for, or None when it was revoked or has run out."""
    if item.revoked or (item.valid_until is not None and item.valid_until <= clock.now().timestamp()):
        return None
    until = None if item.valid_until is None else datetime.fromtimestamp(float(item.valid_until), UTC)
    return Entitlement(item.source, _whole(item.plan_id), _whole(item.tier), until)


def terms_in_force(item: EntitlementItem) -> list[Term]:
    """The terms of a membership that are not over."""
    at = clock.now().timestamp()
    return [
        Term(datetime.fromtimestamp(until, UTC), frozenset(permissions))
        for until, permissions in json.loads(item.terms or "[]")
        if until > at
    ]


def put(item: EntitlementItem) -> bool:
    """Write a right unless a newer version stands there already; True when it was written."""
    try:
        item.save(condition=EntitlementItem.pk.does_not_exist() | (EntitlementItem.version < item.version))
    except PutError as error:
        if condition_failed(error):
            return False
        raise
    return True


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
