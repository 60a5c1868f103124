"""Facts of subscriptions."""

from datetime import datetime
from typing import ClassVar, Literal

from events.base import Fact


class SubscriptionActivated(Fact):
    """A subscription began or was extended."""

    NAME: ClassVar[str] = "subscriptions.activated.v1"

    subscription_id: int
    user_id: int
    creator_id: int
    plan_id: int
    period_start: datetime
    period_end: datetime


class SubscriptionEnded(Fact):
    """A subscription gives no access any more."""

    NAME: ClassVar[str] = "subscriptions.ended.v1"

    subscription_id: int
    user_id: int
    creator_id: int
    reason: Literal["expired", "cancelled", "refunded", "paused"]


class EntitlementChanged(Fact):
    """What a user holds towards a creator (`scope` CREATOR) or one content (CONTENT); the read model is made from it.

    `version` grows with every change of the same right, so that facts out of order do no harm.
    """

    NAME: ClassVar[str] = "subscriptions.entitlement_changed.v1"

    uid: int
    scope: Literal["CREATOR", "CONTENT"]
    scope_id: int
    source: Literal["subscription", "trial", "purchase"]
    plan_id: int | None
    tier: int | None
    valid_until: datetime | None
    revoked: bool
    version: int
