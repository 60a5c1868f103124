"""Sessions (table group `identity`): one item tells every function whether a token still counts, and for what.

Written by identity, read by all: revoking deletes the item, a ban or a role change rewrites it.
"""

from typing import Any, ClassVar

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute

from shared.dynamo.base import ByGsi1, Item, meta


def user_key(uid: int) -> str:
    """Partition of all sessions of a user."""
    return f"U#{uid}"


def session_key(session_id: str) -> str:
    """Sort key of one session."""
    return f"S#{session_id}"


class SessionItem(Item):
    """pk `U#{uid}`, sk `S#{session_id}`, gsi1pk `R#{refresh_hash}`; `ttl` is when the refresh token ends."""

    Meta = meta("identity")

    gsi1pk: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    gsi1sk: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    by_gsi1 = ByGsi1()

    uid: ClassVar[NumberAttribute] = NumberAttribute()
    kind: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    """`user`, `staff`, or `api_key`: a key lies beside the sessions, its jti where a session has its id."""
    roles: ClassVar[ListAttribute[Any]] = ListAttribute(default=list)
    permissions: ClassVar[ListAttribute[Any]] = ListAttribute(default=list)
    scopes: ClassVar[ListAttribute[Any]] = ListAttribute(null=True)
    key_hash: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    """Of a key only: what it may do, and the SHA-256 of the whole key."""
    locale: ClassVar[UnicodeAttribute] = UnicodeAttribute(default="zh-CN")
    state: ClassVar[UnicodeAttribute] = UnicodeAttribute(default="active")
    """`active` or `banned`; banned until `banned_until` (epoch seconds), without one for good."""
    banned_until: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    epoch: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    """The account's token epoch this session belongs to; below the account's own it is not refreshed."""
    perms_v: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    """Access tokens whose claim `perms_v` is lower must be refreshed: they tell of roles that are no more."""
    device_id: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    device_type: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    app_version: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ip: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    user_agent: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    refresh_hash: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    previous_hash: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    rotated_at: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    created_at: ClassVar[NumberAttribute] = NumberAttribute()
    last_seen_at: ClassVar[NumberAttribute] = NumberAttribute()


class JwksItem(Item):
    """The public half of the signing keys, pk and sk `JWKS`; written at deployment and rotation."""

    Meta = meta("identity")

    jwks: ClassVar[UnicodeAttribute] = UnicodeAttribute()
