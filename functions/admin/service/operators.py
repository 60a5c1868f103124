"""Staff accounts: making, changing and removing operators. One change at a time, and always a super admin left."""

from dataclasses import replace
from datetime import datetime

from events.admin import StaffChanged
from functions.admin.errors import (
    AdminNotFound,
    AlreadyStaff,
    CannotRemoveSelf,
    LastSuperAdmin,
    RoleNotFound,
    UserNotFound,
)
from functions.admin.models import SUPER_ADMIN, Grant, Operator, Role
from functions.admin.schemas.staff import AdminChangeIn, AdminIn
from functions.admin.service import granting
from functions.admin.store import operators as store
from functions.admin.store import roles
from shared import clock, password_rules, passwords
from shared.caller import Caller
from shared.http.context import RequestContext
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection


def appoint(db: Connection, caller: Caller, context: RequestContext, wanted: AdminIn) -> Operator:
    """Make an active user an operator, with a password of its own for the back office if one is given.

    Raises UserNotFound, WeakPassword, RoleNotFound, PermissionUnknown, RoleNotGrantable or AlreadyStaff.
    """
    user = store.email_of_active_user(db, wanted.user_id)
    if user is None:
        raise UserNotFound
    password_hash = _password_hash(wanted.password, user[0])
    store.lock(db)
    by = granting.granter(db, caller)
    role = _role(db, wanted.role)
    grant = Grant(
        role=role.role,
        role_permissions=role.permissions,
        permissions=list(dict.fromkeys(wanted.permissions or [])),
        department=wanted.department,
        is_active=True,
        expires_at=wanted.expires_at,
        permissions_expire_at=wanted.permissions_expire_at,
    )
    _refuse_grant(db, by, grant, None)
    now = clock.now()
    admin_id = store.appoint(db, wanted.user_id, grant, password_hash, by=by.admin_id, at=now)
    if admin_id is None:
        raise AlreadyStaff
    made = _as_operator(grant, admin_id, wanted.user_id, user[0], now)
    admin_operation(
        db,
        caller,
        context,
        "admin.create",
        ("admin", admin_id),
        user_id=wanted.user_id,
        before=None,
        after=made.audited() | {"own_password": password_hash is not None},
    )
    _tell(db, wanted.user_id, now)
    return made


def change(db: Connection, caller: Caller, context: RequestContext, admin_id: int, wanted: AdminChangeIn) -> Operator:
    """Change role, extra permissions, department, state or ends; what was not sent stays.

    Raises AdminNotFound, RoleNotFound, PermissionUnknown, RoleNotGrantable or LastSuperAdmin.
    """
    store.lock(db)
    by, before = granting.granter(db, caller), store.find(db, admin_id=admin_id)
    if before is None:
        raise AdminNotFound
    grant = _changed(db, before, wanted)
    granting.refuse_role(by, before.role)
    _refuse_grant(db, by, grant, before)
    now = clock.now()
    after = replace(_as_operator(grant, admin_id, before.user_id, before.email, now), created_at=before.created_at)
    if _weakens_super_admin(before, after):
        _refuse_last(db, before)
    store.update(db, admin_id, grant, now)
    admin_operation(
        db,
        caller,
        context,
        "admin.change",
        ("admin", admin_id),
        user_id=before.user_id,
        before=before.audited(),
        after=after.audited(),
    )
    _tell(db, before.user_id, now)
    return after


def remove(db: Connection, caller: Caller, context: RequestContext, admin_id: int) -> None:
    """Take staff rights away; the sessions end. Raises AdminNotFound, CannotRemoveSelf, RoleNotGrantable, LastSuperAdmin."""
    store.lock(db)
    by, before = granting.granter(db, caller), store.find(db, admin_id=admin_id)
    if before is None:
        raise AdminNotFound
    if before.user_id == caller.uid:
        raise CannotRemoveSelf
    granting.refuse_role(by, before.role)
    if before.role == SUPER_ADMIN and before.is_active:
        _refuse_last(db, before)
    now = clock.now()
    store.remove(db, admin_id, now)
    admin_operation(
        db,
        caller,
        context,
        "admin.remove",
        ("admin", admin_id),
        user_id=before.user_id,
        before=before.audited(),
        after=None,
    )
    _tell(db, before.user_id, now)


def _password_hash(password: str | None, email: str | None) -> str | None:
    """Made before anything is locked: it takes a while, on purpose."""
    if password is None:
        return None
    password_rules.check(password, email)
    return passwords.hashed(password)


def _role(db: Connection, name: str) -> Role:
    role = roles.lock_to_grant(db, name)
    if role is None:
        raise RoleNotFound
    return role


def _changed(db: Connection, before: Operator, wanted: AdminChangeIn) -> Grant:
    sent = wanted.model_fields_set
    role = _role(db, wanted.role or before.role)
    return Grant(
        role=role.role,
        role_permissions=role.permissions,
        permissions=before.permissions if wanted.permissions is None else list(dict.fromkeys(wanted.permissions)),
        department=wanted.department if "department" in sent else before.department,
        is_active=before.is_active if wanted.is_active is None else wanted.is_active,
        expires_at=wanted.expires_at if "expires_at" in sent else before.expires_at,
        permissions_expire_at=(
            wanted.permissions_expire_at if "permissions_expire_at" in sent else before.permissions_expire_at
        ),
    )


def _refuse_grant(db: Connection, by: Operator, grant: Grant, before: Operator | None) -> None:
    catalogue = roles.catalogue(db)
    granting.refuse_unknown(grant.permissions, catalogue)
    granting.refuse_role(by, grant.role)
    if grant.exceeds(before, catalogue):
        granting.refuse_more(by, [*grant.role_permissions, *grant.permissions], catalogue)


def _as_operator(grant: Grant, admin_id: int, user_id: int, email: str | None, at: datetime) -> Operator:
    return Operator(
        admin_id=admin_id,
        user_id=user_id,
        email=email,
        role=grant.role,
        role_permissions=grant.role_permissions,
        permissions=grant.permissions,
        department=grant.department,
        is_active=grant.is_active,
        expires_at=grant.expires_at,
        permissions_expire_at=grant.permissions_expire_at,
        created_at=at,
    )


def _weakens_super_admin(before: Operator, after: Operator) -> bool:
    if before.role != SUPER_ADMIN or not before.is_active:
        return False
    shorter = after.expires_at is not None and (before.expires_at is None or after.expires_at < before.expires_at)
    return after.role != SUPER_ADMIN or not after.is_active or shorter


def _refuse_last(db: Connection, before: Operator) -> None:
    if not store.is_governable_without(db, before.admin_id):
        raise LastSuperAdmin


def _tell(db: Connection, uid: int, at: datetime) -> None:
    outbox.record(db, StaffChanged(event_id=new_ulid(), occurred_at=at, uid=uid, changed_at=at))
