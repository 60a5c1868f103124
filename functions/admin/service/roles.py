"""Roles: the matrix, changing what one holds, making and deleting custom ones."""

from events.admin import RoleChanged
from functions.admin.errors import RoleExists, RoleInUse, RoleNotFound, RoleProtected
from functions.admin.models import SUPER_ADMIN, Role, points
from functions.admin.schemas.permissions import MatrixOut, PermissionOut, RoleIn, RoleOfMatrix
from functions.admin.service import granting
from functions.admin.store import roles as store
from shared import clock
from shared.caller import Caller
from shared.http.context import RequestContext
from shared.i18n import Locale
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection

_OF_ACCOUNTS = frozenset({"user", "creator"})
"""Roles of every account (rules.md §2); no staff role may look like one."""


def matrix(db: Connection, locale: Locale) -> MatrixOut:
    """The catalogue in the caller's language, and every role with its permissions and how many hold it."""
    return MatrixOut.model_construct(
        permissions=[
            PermissionOut.model_construct(permission=one.permission, category=one.category, description=one.description)
            for one in store.described(db, locale)
        ],
        roles=[RoleOfMatrix.model_construct(**row) for row in store.matrix(db)],
    )


def set_permissions(db: Connection, caller: Caller, context: RequestContext, name: str, wanted: list[str]) -> Role:
    """Replace what a role holds; the sessions of its operators follow.

    Raises RoleNotFound, RoleProtected, PermissionUnknown, or RoleNotGrantable for what is new and the caller lacks.
    """
    wanted = list(dict.fromkeys(wanted))
    by, catalogue, role = granting.granter(db, caller), store.catalogue(db), store.lock_to_change(db, name)
    if role is None:
        raise RoleNotFound
    if role.role == SUPER_ADMIN:
        raise RoleProtected
    granting.refuse_unknown(wanted, catalogue)
    granting.refuse_role(by, role.role)
    granting.refuse_more(by, points(wanted, catalogue) - points(role.permissions, catalogue), catalogue)
    store.update(db, name, wanted)
    admin_operation(
        db,
        caller,
        context,
        "role.set_permissions",
        ("role", None),
        role=name,
        before={"permissions": role.permissions},
        after={"permissions": wanted},
    )
    if wanted != role.permissions:
        now = clock.now()
        outbox.record(db, RoleChanged(event_id=new_ulid(), occurred_at=now, role=name, changed_at=now))
    return Role(name, wanted, role.builtin)


def create(db: Connection, caller: Caller, context: RequestContext, wanted: RoleIn) -> Role:
    """Make a custom role. Raises RoleExists, PermissionUnknown or RoleNotGrantable."""
    permissions = list(dict.fromkeys(wanted.permissions))
    by, catalogue = granting.granter(db, caller), store.catalogue(db)
    granting.refuse_unknown(permissions, catalogue)
    granting.refuse_more(by, permissions, catalogue)
    if wanted.role in _OF_ACCOUNTS or not store.insert(db, wanted.role, wanted.description or "", permissions):
        raise RoleExists
    admin_operation(
        db,
        caller,
        context,
        "role.create",
        ("role", None),
        role=wanted.role,
        before=None,
        after={"description": wanted.description or "", "permissions": permissions},
    )
    return Role(wanted.role, permissions, builtin=False)


def delete(db: Connection, caller: Caller, context: RequestContext, name: str) -> None:
    """Delete a custom role nobody holds. Raises RoleNotFound, RoleProtected or RoleInUse."""
    role = store.lock_to_change(db, name)
    if role is None:
        raise RoleNotFound
    if role.builtin:
        raise RoleProtected
    if admins := store.holders(db, name):
        raise RoleInUse(admins=admins)
    store.delete(db, name)
    admin_operation(
        db,
        caller,
        context,
        "role.delete",
        ("role", None),
        role=name,
        before={"permissions": role.permissions},
        after=None,
    )
