"""Facts of identity."""

from datetime import datetime
from typing import ClassVar, Literal

from events.base import Fact


class UserRegistered(Fact):
    """An account was opened."""

    NAME: ClassVar[str] = "identity.user_registered.v1"

    uid: int
    locale: str
    registered_at: datetime


class CreatorApproved(Fact):
    """A creator application was approved; the user now holds the role `creator`."""

    NAME: ClassVar[str] = "identity.creator_approved.v1"

    uid: int
    approved_at: datetime


class VerificationDecided(Fact):
    """An operator approved or rejected a real-name or creator verification; the applicant is to be told."""

    NAME: ClassVar[str] = "identity.verification_decided.v1"

    verification_id: int
    uid: int
    kind: Literal["identity", "creator"]
    status: Literal["approved", "rejected"]
    comment: str | None
    decided_at: datetime


class UserFollowed(Fact):
    """Somebody began to follow somebody."""

    NAME: ClassVar[str] = "identity.user_followed.v1"

    follower_id: int
    followee_id: int
    followed_at: datetime


class DeletionRequested(Fact):
    """Somebody wants their account deleted; until `delete_at` they may take it up again."""

    NAME: ClassVar[str] = "identity.deletion_requested.v1"

    request_id: str
    uid: int
    delete_at: datetime


class PersonalDataRequested(Fact):
    """A person wants a copy of their data: every domain writes its files for this export and acknowledges it."""

    NAME: ClassVar[str] = "identity.personal_data_requested.v1"

    request_id: str
    uid: int
    requested_at: datetime


class AccountErased(Fact):
    """The grace period of a deletion is over: every domain erases the person and acknowledges it."""

    NAME: ClassVar[str] = "identity.account_erased.v1"

    request_id: str
    uid: int
    erased_at: datetime


class AccountsMerged(Fact):
    """What belonged to `from_uid` now belongs to `into_uid`; each domain moves its part and remembers what it moved."""

    NAME: ClassVar[str] = "identity.accounts_merged.v1"

    merge_id: int
    from_uid: int
    into_uid: int
    merged_at: datetime


class AccountsParted(Fact):
    """A merge was undone: each domain gives back exactly what it had moved."""

    NAME: ClassVar[str] = "identity.accounts_parted.v1"

    merge_id: int
    from_uid: int
    into_uid: int
    parted_at: datetime


class RenewalNoticeSent(Fact):
    """A subscriber was written to about a renewal."""

    NAME: ClassVar[str] = "identity.renewal_notice_sent.v1"

    notice_id: int
    uid: int
    channel: Literal["email", "sms"]
    sent_at: datetime
