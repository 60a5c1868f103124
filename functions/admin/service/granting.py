"""Who may hand out what: nobody more than they hold, and the two highest roles only by a super admin (rules.md §2)."""

from collections.abc import Iterable, Sequence

from functions.admin.errors import PermissionUnknown, RoleNotGrantable
from functions.admin.models import ONLY_BY_SUPER_ADMIN, SUPER_ADMIN, Operator, covers, points, unknown
from functions.admin.store import operators
from shared import clock
from shared.caller import Caller
from shared.errors import PermissionDenied
from shared.sql.connection import Connection


def granter(db: Connection, caller: Caller) -> Operator:
    """The caller as the table says now: what a session remembers is too old to hand rights on.

    Raises PermissionDenied for one who is no operator any more.
    """
    found = operators.find(db, user_id=caller.uid)
    if found is None or not found.holds_at(clock.now()):
        raise PermissionDenied
    return found


def refuse_unknown(permissions: Iterable[str], catalogue: Sequence[str]) -> None:
    """Raise PermissionUnknown with those the catalogue does not have."""
    if missing := unknown(permissions, catalogue):
        raise PermissionUnknown(permissions=missing)


def refuse_role(by: Operator, role: str) -> None:
    """Raise RoleNotGrantable when the role is one that only a super admin touches, and the granter is none."""
    if role in ONLY_BY_SUPER_ADMIN and by.role != SUPER_ADMIN:
        raise RoleNotGrantable(role=role)


def refuse_more(by: Operator, wanted: Iterable[str], catalogue: Sequence[str]) -> None:
    """Raise RoleNotGrantable with the permissions the granter lacks."""
    wanted, held = list(wanted), by.rights_at(clock.now())
    if not covers(held, wanted, catalogue):
        raise RoleNotGrantable(permissions=sorted(points(wanted, catalogue) - points(held, catalogue)) or wanted)
