"""Operators: signing in with a one-time password, what they may do, and the first of them."""

import secrets
from datetime import datetime
from typing import Any

from functions.identity import totp
from functions.identity.errors import NotStaff, TotpInvalid, TotpRequired
from functions.identity.models import Account, Client, NewAccount, Person, Staff
from functions.identity.schemas.staff import Admin, StaffLoginIn, StaffTokens
from functions.identity.service import login, sessions
from functions.identity.store import accounts
from functions.identity.store import staff as store
from shared import clock, crypto, observe, passwords
from shared.addresses import is_allowed
from shared.errors import IpNotAllowed, PermissionDenied, Refusal
from shared.settings import Settings
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_CODE_DIGITS = 6


def log_in(db: Connection, wanted: StaffLoginIn, client: Client) -> StaffTokens:
    """Sign an operator in: address, password, staff, ban, one-time password, in this order.

    Raises IpNotAllowed, InvalidCredentials, AccountLocked, NotStaff, AccountBanned, TotpRequired or TotpInvalid.
    """
    if not is_allowed(client.ip, tunable(db, "security.ip_allowlist")):
        raise IpNotAllowed
    now = clock.now()
    found: list[Person] = []

    def judge(account: Account | None) -> Refusal | None:
        refusal = login.prove_password(db, account, wanted.email, wanted.password, now)
        if refusal or account is None:
            return refusal
        person = accounts.find_person(db, account.uid)
        if person is None or person.staff is None or not person.staff.is_active:
            return NotStaff()
        found[:] = [person]
        return login.state_refusal(account, now) or _prove_totp(db, account, wanted.totp_code, now)

    def accept(_account: Account) -> None:
        _note(db, _staff(found[0]), client)

    login.attempt(db, wanted.email, "staff", client, judge=judge, accept=accept)
    person = found[0]
    pair = sessions.open_session(db, person, client, kind="staff")
    staff = _staff(person)
    return StaffTokens.model_construct(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
        admin=Admin.model_construct(
            admin_id=staff.admin_id,
            user_id=person.uid,
            email=str(person.profile["email"]),
            role=staff.role,
            permissions=list(staff.permissions),
            department=staff.department,
            is_active=staff.is_active,
        ),
    )


def standing(db: Connection, uid: int) -> Staff:
    """The operator behind a staff session, as of now. Raises PermissionDenied for one who is none any more."""
    person = accounts.find_person(db, uid)
    if person is None or person.staff is None or not person.staff.is_active:
        raise PermissionDenied
    return person.staff


def totp_context(uid: int) -> dict[str, str]:
    """What a TOTP secret is bound to."""
    return {"table": "user_auth", "column": "totp_secret", "uid": str(uid)}


def bootstrap(db: Connection, wanted: dict[str, Any]) -> bool:
    """Make the first super admin from `{email, password, totp_secret?}`, unless there is one or nothing is given.

    With a TOTP secret the account is enrolled at once, which production needs to let anyone in.
    """
    if "email" not in wanted or store.is_any_super_admin(db):
        return False
    account = accounts.lock_account(db, "email", wanted["email"].lower())
    uid = account.uid if account else accounts.insert_account(db, _first_account(wanted))
    if secret := wanted.get("totp_secret"):
        store.enrol_totp(db, uid, crypto.encrypt(secret, totp_context(uid)), clock.now())
    store.appoint(db, uid, "super_admin")
    return True


def _first_account(wanted: dict[str, Any]) -> NewAccount:
    name = f"root_{secrets.token_hex(4)}"
    return NewAccount(
        email=wanted["email"].lower(),
        phone=None,
        verified=True,
        username=name,
        display_name=name,
        password_hash=passwords.hashed(wanted["password"]),
        invitation_code=secrets.token_hex(4).upper(),
        invited_by=None,
        locale="zh-CN",
        client=Client("127.0.0.1", "bootstrap"),
        at=clock.now(),
    )


def _prove_totp(db: Connection, account: Account, code: str | None, now: datetime) -> Refusal | None:
    if account.totp_secret is None:
        return TotpRequired() if _is_totp_required(db) else None
    if code is None:
        return TotpRequired()
    if len(code) != _CODE_DIGITS and login.is_recovery_code(account, code):
        store.spend_recovery_code(db, account.uid, login.recovery_hash(account.uid, code))
        return None
    step = totp.matched_step(crypto.decrypt(account.totp_secret, totp_context(account.uid)), code, now)
    if step is None or step <= account.totp_last_step:
        login.count_failure(db, account, now)
        return TotpInvalid()
    store.use_totp_step(db, account.uid, step)
    return None


def _is_totp_required(db: Connection) -> bool:
    setting = tunable(db, "auth.staff_totp_required")
    return Settings.load().stage == "prod" if setting is None else bool(setting)


def _staff(person: Person) -> Staff:
    assert person.staff is not None  # noqa: S101 - judged before
    return person.staff


def _note(db: Connection, staff: Staff, client: Client) -> None:
    if staff.last_login_ip not in {None, client.ip}:
        observe.warn("unusual_login", admin_id=staff.admin_id, ip=client.ip)
        observe.count("unusual_login")
    store.note_staff_login(db, staff.admin_id, client.ip)
