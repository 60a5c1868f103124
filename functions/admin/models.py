"""What administration knows: permissions and who may hand them out, operators and when their rights end. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SUPER_ADMIN, ADMIN = "super_admin", "admin"
ONLY_BY_SUPER_ADMIN = frozenset({SUPER_ADMIN, ADMIN})
ROLE_NAME = r"^[a-z_]{1,50}$"
EVERYTHING, EVERY_READ = "*", "*:read"
_CATEGORY = re.compile(r"([a-z0-9_]+):\*")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as stored."""

    key: str
    value: Any
    updated_by: int | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Permission:
    """A point of the catalogue, described in one language."""

    permission: str
    category: str
    description: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what it holds."""

    role: str
    permissions: list[str]
    builtin: bool


@dataclass(frozen=True, slots=True)
class Operator:
    """A staff account, with the permissions of its role beside its own."""

    admin_id: int
    user_id: int
    email: str | None
    role: str
    role_permissions: list[str]
    permissions: list[str]
    department: str | None
    is_active: bool
    expires_at: datetime | None
    permissions_expire_at: datetime | None
    created_at: datetime

    def holds_at(self, at: datetime) -> bool:
        """Whether the account gives any right at that time."""
        return self.is_active and not _over(self.expires_at, at)

    def rights_at(self, at: datetime) -> list[str]:
        """Permissions of the role and, while they last, the extra ones, without doubles (rules.md §2)."""
        extra = [] if _over(self.permissions_expire_at, at) else self.permissions
        return list(dict.fromkeys([*self.role_permissions, *extra]))

    def is_lasting_super_admin(self) -> bool:
        """Whether this account keeps the house governable for good."""
        return self.role == SUPER_ADMIN and self.is_active and self.expires_at is None

    def audited(self) -> dict[str, Any]:
        """What an audit record says about it."""
        return {
            "role": self.role,
            "permissions": self.permissions,
            "department": self.department,
            "is_active": self.is_active,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "permissions_expire_at": self.permissions_expire_at.isoformat() if self.permissions_expire_at else None,
        }


@dataclass(frozen=True, slots=True)
class Grant:
    """What is given to someone: a role, its permissions and extra ones, and until when (None is for good)."""

    role: str
    role_permissions: list[str]
    permissions: list[str]
    department: str | None
    is_active: bool
    expires_at: datetime | None
    permissions_expire_at: datetime | None

    def exceeds(self, before: Operator | None, catalogue: Sequence[str]) -> bool:
        """Whether this gives anything that was not given before: a role, a permission, a state, or a longer time."""
        if not self.is_active:
            return False
        if before is None or not before.is_active or self.role != before.role:
            return True
        return (
            not covers(before.permissions, self.permissions, catalogue)
            or _longer(self.expires_at, before.expires_at)
            or (bool(self.permissions) and _longer(self.permissions_expire_at, before.permissions_expire_at))
        )


def _over(end: datetime | None, at: datetime) -> bool:
    return end is not None and end <= at


def _longer(end: datetime | None, before: datetime | None) -> bool:
    return before is not None and (end is None or end > before)


def unknown(permissions: Iterable[str], catalogue: Sequence[str]) -> list[str]:
    """Those that are neither points of the catalogue nor wildcards over one; `*` belongs to super_admin alone."""
    categories = {point.partition(":")[0] for point in catalogue}
    return [
        one
        for one in permissions
        if one not in catalogue
        and one != EVERY_READ
        and not ((match := _CATEGORY.fullmatch(one)) and match[1] in categories)
    ]


def points(permissions: Iterable[str], catalogue: Sequence[str]) -> set[str]:
    """The points of the catalogue that these permissions amount to."""
    held = set(permissions)
    return {
        point
        for point in catalogue
        if EVERYTHING in held
        or point in held
        or f"{point.partition(':')[0]}:*" in held
        or f"*:{point.partition(':')[2]}" in held
    }


def covers(held: Iterable[str], wanted: Iterable[str], catalogue: Sequence[str]) -> bool:
    """Whether someone who holds the first may hand out the second (rules.md §2)."""
    held, wanted = list(held), list(wanted)
    if EVERYTHING in wanted and EVERYTHING not in held:
        return False
    return points(wanted, catalogue) <= points(held, catalogue)
