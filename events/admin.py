"""Facts of administration."""

from datetime import datetime
from typing import ClassVar

from events.base import Fact


class StaffChanged(Fact):
    """An operator's role, permissions or state changed; live staff sessions of the account follow, or end."""

    NAME: ClassVar[str] = "admin.staff_changed.v1"

    uid: int
    changed_at: datetime


class RoleChanged(Fact):
    """The permissions of a role changed; the staff sessions of everyone who holds it follow."""

    NAME: ClassVar[str] = "admin.role_changed.v1"

    role: str
    changed_at: datetime
