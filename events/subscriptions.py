"""Facts of subscriptions."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

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


class DebitRequested(Fact):
    """A renewal is due: its order is open, and the subscriber agreed to be debited by `means` without being asked again.

    `try_no` counts from 1; each is debited once, whatever is heard twice. Payments answers with OrderPaid or DebitFailed.
    """

    NAME: ClassVar[str] = "subscriptions.debit_requested.v1"

    order_no: str
    subscription_id: int
    user_id: int
    amount: int
    means: Literal["agreement", "balance"]
    agreement_id: int | None
    try_no: int
    requested_at: datetime


class MembershipTerm(BaseModel):
    """A stretch of a platform membership, up to `until`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["basic", "premium", "professional"]
    permissions: list[str]
    until: datetime


class MembershipChanged(Fact):
    """Somebody's platform membership is now of this level, until it ends; `terms` are that one and what follows it.

    `version` grows with every change of the same person's, so that facts out of order do no harm.
    """

    NAME: ClassVar[str] = "subscriptions.membership_changed.v1"

    uid: int
    level: Literal["free", "basic", "premium", "professional"]
    expires_at: datetime | None
    terms: list[MembershipTerm]
    version: int


class RenewalChanged(Fact):
    """Something that decides whether and when a subscription is renewed is different now: look at it again."""

    NAME: ClassVar[str] = "subscriptions.renewal_changed.v1"

    subscription_id: int


class RenewalNoticeDue(Fact):
    """A subscriber is to be told about a renewal, once; identity answers with RenewalNoticeSent.

    `renewal`: `amount` will be debited, or is to be paid, when the period ends. `reminder`: the subscription ends then.
    `failed`: the period is over and unpaid, access is kept until `until`. `expired`: it was not paid in time.
    """

    NAME: ClassVar[str] = "subscriptions.renewal_notice_due.v1"

    notice_id: int
    kind: Literal["renewal", "reminder", "failed", "expired"]
    subscription_id: int
    user_id: int
    title: str
    amount: int | None
    due_at: datetime
    until: datetime | None
    means: Literal["agreement", "balance", "pay_link"]
    needs_consent: bool
    order_no: str | None
