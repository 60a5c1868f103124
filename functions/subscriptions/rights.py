"""A right as it stands in SQL, as the fact that tells it, and as the item of the read model; no I/O."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from events.subscriptions import EntitlementChanged
from functions.subscriptions.states import GIVES_ACCESS
from shared import clock
from shared.ids import new_ulid
from shared.views.entitlements import EntitlementItem


@dataclass(frozen=True, slots=True)
class Right:
    """What a user holds towards a creator or one content, as of `version`."""

    uid: int
    scope: Literal["CREATOR", "CONTENT"]
    scope_id: int
    source: Literal["subscription", "trial", "purchase"]
    plan_id: int | None
    tier: int | None
    valid_until: datetime | None
    revoked: bool
    version: int

    @classmethod
    def of_subscription(cls, row: Mapping[str, Any]) -> "Right":
        """The right a subscription's row stands for."""
        return cls(
            row["user_id"],
            "CREATOR",
            row["creator_id"],
            "trial" if row["status"] == "trialing" else "subscription",
            row["plan_id"],
            row["tier"],
            row["access_until"],
            row["status"] not in GIVES_ACCESS,
            row["version"],
        )

    @classmethod
    def of_purchase(cls, uid: int, content_id: int, version: int, *, revoked: bool) -> "Right":
        """The right to one content, for good unless revoked."""
        return cls(uid, "CONTENT", content_id, "purchase", None, None, None, revoked, version)

    def changed(self) -> EntitlementChanged:
        """The fact that this right is now so."""
        return EntitlementChanged(
            event_id=new_ulid(),
            occurred_at=clock.now(),
            uid=self.uid,
            scope=self.scope,
            scope_id=self.scope_id,
            source=self.source,
            plan_id=self.plan_id,
            tier=self.tier,
            valid_until=self.valid_until,
            revoked=self.revoked,
            version=self.version,
        )

    @classmethod
    def told(cls, fact: EntitlementChanged) -> "Right":
        """The right a fact tells of."""
        return cls(
            fact.uid,
            fact.scope,
            fact.scope_id,
            fact.source,
            fact.plan_id,
            fact.tier,
            fact.valid_until,
            fact.revoked,
            fact.version,
        )

    def item(self) -> EntitlementItem:
        """The item of the read model; whole seconds, rounded up so that no paid moment is lost."""
        until = None if self.valid_until is None else math.ceil(self.valid_until.timestamp())
        return EntitlementItem(
            f"U#{self.uid}",
            f"{self.scope}#{self.scope_id}",
            source=self.source,
            plan_id=self.plan_id,
            tier=self.tier,
            valid_until=until,
            revoked=int(self.revoked),
            version=self.version,
        )
