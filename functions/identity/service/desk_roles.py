"""Which roles an operator may hand out (rules.md §2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.identity.desk_errors import RoleNotGrantable
from functions.identity.store.desk_changes import CREATOR, SUPER_ADMIN, USER, role_permissions
from shared.caller import Caller
from shared.errors import PermissionDenied, ValidationFailed
from shared.sql.connection import Connection

_EVERYTHING = "*"
_ONLY_BY_SUPER_ADMIN = frozenset({SUPER_ADMIN, "admin"})
_WRITE_ROLES, _WRITE_STAFF = "role:write", "admin:write"


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles of an account, told apart: those of every user, and the office if there is one."""

    account: tuple[str, ...] = (USER,)
    staff: str | None = None

    @property
    def is_creator(self) -> bool:
        """Whether the account may publish and earn."""
        return CREATOR in self.account


def grantable(db: Connection, caller: Caller, wanted: Sequence[str] | None) -> Roles:
    """The roles of a new account. Everybody is a user; beyond that one needs `role:write` and the rights one gives.

    Raises RoleNotGrantable, or ValidationFailed for a role that does not exist or a second office.
    """
    roles = _told_apart(wanted or ())
    if roles != Roles() and not caller.may(_WRITE_ROLES):
        raise RoleNotGrantable(role=roles.staff or CREATOR)
    _may_give(db, caller, roles.staff)
    return roles


def changed(db: Connection, caller: Caller, held: set[str], wanted: Sequence[str]) -> Roles | None:
    """The roles an account shall hold from now on, None when they are those it holds.

    Raises PermissionDenied without `role:write`, RoleNotGrantable, or ValidationFailed.
    """
    roles = _told_apart(wanted)
    after = {*roles.account, *([roles.staff] if roles.staff else [])}
    if after == held:
        return None
    if not caller.may(_WRITE_ROLES):
        raise PermissionDenied(permission=_WRITE_ROLES)
    if roles.staff not in held:
        _may_give(db, caller, roles.staff)
    for taken in held - after:
        if taken in _ONLY_BY_SUPER_ADMIN and _EVERYTHING not in caller.permissions:
            raise RoleNotGrantable(role=taken)
    return roles


def guard_staff(caller: Caller, *, is_staff: bool) -> None:
    """Who may change operators' accounts: an address changed is an account taken. Raises PermissionDenied."""
    if is_staff and not caller.may(_WRITE_STAFF):
        raise PermissionDenied(permission=_WRITE_STAFF)


def spares_staff(caller: Caller) -> bool:
    """Whether a change of many accounts leaves those of operators out."""
    return not caller.may(_WRITE_STAFF)


def _told_apart(wanted: Sequence[str]) -> Roles:
    offices = sorted({role for role in wanted if role not in {USER, CREATOR}})
    if len(offices) > 1:
        raise ValidationFailed([{"field": "body.roles", "message": " | ".join(offices)}])
    account = (CREATOR, USER) if CREATOR in wanted else (USER,)
    return Roles(account, offices[0] if offices else None)


def _may_give(db: Connection, caller: Caller, role: str | None) -> None:
    if role is None:
        return
    permissions = role_permissions(db, [role]).get(role)
    if permissions is None:
        raise ValidationFailed([{"field": "body.roles", "message": role}])
    if role in _ONLY_BY_SUPER_ADMIN and _EVERYTHING not in caller.permissions:
        raise RoleNotGrantable(role=role)
    if not all(caller.may(permission) for permission in permissions):
        raise RoleNotGrantable(role=role)
