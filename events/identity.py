"""Facts of identity."""

from datetime import datetime
from typing import ClassVar

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
