"""Accounts opened, changed and closed by operators, each audited with what it was and what it is."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import UniqueViolation

from events.identity import CreatorApproved, DeletionRequested, UserRegistered
from functions.identity.desk_errors import LastSuperAdmin
from functions.identity.errors import (
    BalanceNotZero,
    CannotDeleteStaff,
    EmailTaken,
    PhoneTaken,
    UsernameTaken,
    UserNotFound,
)
from functions.identity.handles import new_invitation_code, new_username
from functions.identity.schemas.desk import AdminUser, NewUserIn, UserChange
from functions.identity.service import desk_roles, sessions
from functions.identity.store import credentials, desk
from functions.identity.store import desk_changes as store
from functions.identity.store.desk_changes import Opening, Target
from shared import clock
from shared.caller import Caller
from shared.errors import Refusal
from shared.http.context import RequestContext
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_TAKEN: dict[str | None, type[Refusal]] = {
    "users_email": EmailTaken,
    "users_phone": PhoneTaken,
    "users_username": UsernameTaken,
    "authors_username": UsernameTaken,
    "authors_username_raw": UsernameTaken,
}
_AUDITED = ("status", "is_active", "membership_level", "membership_expires_at", "display_name", "email", "phone")


def create(
    db: Connection, wanted: NewUserIn, password_hash: str | None, caller: Caller, context: RequestContext
) -> AdminUser:
    """Open one account. Raises EmailTaken, PhoneTaken, UsernameTaken or RoleNotGrantable."""
    uid = open_account(db, wanted, password_hash, caller)
    made = _found(db, uid)
    admin_operation(db, caller, context, "user_create", ("user", uid), before=None, after=told(wanted, uid))
    return made


def open_account(db: Connection, wanted: NewUserIn, password_hash: str | None, caller: Caller) -> int:
    """Store an account and announce it; its uid. Raises as `create` does; the transaction is then spoilt."""
    roles = desk_roles.grantable(db, caller, wanted.roles)
    now = clock.now()
    username = wanted.username or new_username()
    new = Opening(
        username=username,
        email=wanted.email,
        phone=wanted.phone,
        display_name=wanted.display_name or username,
        password_hash=password_hash,
        invitation_code=new_invitation_code(),
        membership_level=wanted.membership_level or "free",
        is_virtual=wanted.is_virtual,
        is_creator=roles.is_creator,
        staff_role=roles.staff,
        operator_id=caller.uid,
        at=now,
    )
    try:
        uid = store.insert(db, new)
    except UniqueViolation as error:
        raise _taken(error) from error
    outbox.record(db, UserRegistered(event_id=new_ulid(), occurred_at=now, uid=uid, locale="zh-CN", registered_at=now))
    if roles.is_creator:
        outbox.record(db, CreatorApproved(event_id=new_ulid(), occurred_at=now, uid=uid, approved_at=now))
    return uid


def told(wanted: NewUserIn, uid: int) -> dict[str, Any]:
    """What an audit record says of a new account."""
    return wanted.model_dump(exclude={"password"}, exclude_none=True) | {"user_id": uid}


def change(db: Connection, uid: int, wanted: UserChange, caller: Caller, context: RequestContext) -> AdminUser:
    """Change one account; of two changes at once the second sees the first. One that becomes inactive is signed out.

    Raises UserNotFound, PermissionDenied, RoleNotGrantable, EmailTaken, PhoneTaken or LastSuperAdmin.
    """
    before = store.lock_target(db, uid)
    if before is None:
        raise UserNotFound
    desk_roles.guard_staff(caller, is_staff=before.staff_role is not None)
    roles = None if wanted.roles is None else desk_roles.changed(db, caller, before.roles, wanted.roles)
    after = _wished(before, wanted)
    now = clock.now()
    is_out = before.is_active and not after.is_active
    loses_office = roles is not None and before.staff_role == store.SUPER_ADMIN and roles.staff != store.SUPER_ADMIN
    if before.staff_role == store.SUPER_ADMIN and (is_out or loses_office) and store.would_leave_no_super_admin(db, uid):
        raise LastSuperAdmin
    if after != before:
        _rewrite(db, after, now)
    if roles is not None:
        store.set_roles(db, uid, roles.account, roles.staff, by=caller.uid, at=now)
        if roles.is_creator and store.CREATOR not in before.account_roles:
            outbox.record(db, CreatorApproved(event_id=new_ulid(), occurred_at=now, uid=uid, approved_at=now))
    _audit(db, before, after, roles, caller=caller, context=context)
    # Before the commit: a crash between the two leaves an account signed out, never one signed in that must not be.
    if is_out:
        credentials.raise_token_epoch(db, uid, now)
        sessions.revoke_all(uid)
    elif roles is not None:
        sessions.follow_staff(db, uid)
    return _found(db, uid)


def remove(db: Connection, uid: int, reason: str, caller: Caller, context: RequestContext) -> None:
    """Delete one account. Raises UserNotFound, CannotDeleteStaff or BalanceNotZero."""
    refusal = remove_many(db, [uid], reason, caller, context, again=UserNotFound)[uid]
    if refusal is not None:
        raise refusal


def remove_many(
    db: Connection,
    uids: Sequence[int],
    reason: str,
    caller: Caller,
    context: RequestContext,
    *,
    again: type[Refusal] | None = None,
) -> dict[int, Refusal | None]:
    """Delete accounts: nobody signs in from now on, and after the grace period of a deletion every domain erases them.

    Says for each why it stays, None for one that goes. One deleted before is fine, unless `again` says otherwise.
    """
    outcome: dict[int, Refusal | None] = {uid: UserNotFound() for uid in uids}
    going: list[store.Removable] = []
    for found in store.lock_removable(db, sorted(set(uids))):
        if found.status == "deleted":
            outcome[found.uid] = again() if again else None
        elif found.is_staff:
            outcome[found.uid] = CannotDeleteStaff()
        elif found.owes:
            outcome[found.uid] = BalanceNotZero()
        else:
            outcome[found.uid] = None
            going.append(found)
    _close(db, [one.uid for one in going], reason)
    is_one = len(uids) == 1
    admin_operation(
        db,
        caller,
        context,
        "user_delete" if is_one else "user_batch_delete",
        ("user", uids[0] if is_one else None),
        before=[{"user_id": one.uid, "status": one.status} for one in going],
        after=[{"user_id": one.uid, "status": "deleted"} for one in going],
        reason=reason,
        refused={str(uid): refusal.error for uid, refusal in outcome.items() if refusal},
    )
    for one in going:
        sessions.revoke_all(one.uid)
    return outcome


def _close(db: Connection, uids: Sequence[int], reason: str) -> None:
    if not uids:
        return
    now = clock.now()
    erase_at = now + timedelta(days=int(tunable(db, "account.deletion_days")))
    for request_id, uid in store.close(db, uids, reason, erase_at, now):
        outbox.record(
            db, DeletionRequested(event_id=new_ulid(), occurred_at=now, request_id=request_id, uid=uid, delete_at=erase_at)
        )


def _wished(before: Target, wanted: UserChange) -> Target:
    given = {
        name: value
        for name, value in wanted.model_dump(exclude={"roles"}).items()
        if value is not None or (name == "membership_expires_at" and name in wanted.model_fields_set)
    }
    after = replace(before, **given)
    if after.membership_level == "free":
        after = replace(after, membership_expires_at=None)
    if after.is_active == before.is_active:
        return after
    # A ban and a deletion under way stay what they are; the switch is remembered beside them.
    moved = {"active": "inactive"} if not after.is_active else {"inactive": "active"}
    return replace(after, status=moved.get(before.status, before.status))


def _rewrite(db: Connection, after: Target, now: datetime) -> None:
    try:
        store.rewrite(db, after, now)
    except UniqueViolation as error:
        raise _taken(error) from error


def _taken(error: UniqueViolation) -> Exception:
    """Whose name is already somebody's; any other index is a fault of ours."""
    refusal = _TAKEN.get(error.diag.constraint_name)
    return error if refusal is None else refusal()


def _audit(
    db: Connection,
    before: Target,
    after: Target,
    roles: desk_roles.Roles | None,
    *,
    caller: Caller,
    context: RequestContext,
) -> None:
    was, is_now = asdict(before), asdict(after)
    names = [name for name in _AUDITED if was[name] != is_now[name]]
    said = {"before": {name: _plain(was[name]) for name in names}, "after": {name: _plain(is_now[name]) for name in names}}
    if roles is not None:
        said["before"]["roles"] = sorted(before.roles)
        said["after"]["roles"] = sorted({*roles.account, *([roles.staff] if roles.staff else [])})
    admin_operation(db, caller, context, "user_update", ("user", before.uid), **said)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _found(db: Connection, uid: int) -> AdminUser:
    user = desk.find_user(db, uid)
    assert user is not None  # noqa: S101 - stored or locked in this transaction
    return user
