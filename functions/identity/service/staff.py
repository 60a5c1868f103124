"""Operators: signing in with a one-time password, what they may do, and the first of them."""

import secrets
from typing import Any

from functions.identity.errors import NotStaff, TotpInvalid, TotpRequired
from functions.identity.models import Account, Client, NewAccount, Person, Staff
from functions.identity.schemas.accounts import TokenPair
from functions.identity.schemas.staff import Admin, StaffLoginIn, StaffTokens
from functions.identity.service import login, second_factor, sessions
from functions.identity.service.attempts import Attempt
from functions.identity.store import accounts
from functions.identity.store import second_factor as factor_store
from functions.identity.store import staff as store
from shared import clock, crypto, passwords
from shared.addresses import is_allowed
from shared.errors import IpNotAllowed, PermissionDenied, Refusal
from shared.sql.connection import Connection
from shared.sql.tunables import tunable


def log_in(db: Connection, wanted: StaffLoginIn, client: Client) -> StaffTokens:
    """Sign an operator in: address, password, staff, ban, one-time password, in this order.

    An operator with a staff password of their own proves that one. Raises IpNotAllowed, InvalidCredentials,
    AccountLocked, NotStaff, AccountBanned, AccountDeactivated, TotpRequired or TotpInvalid.
    """
    if not is_allowed(client.ip, tunable(db, "security.ip_allowlist")):
        raise IpNotAllowed
    found: list[Person] = []

    def judge(tried: Attempt) -> Refusal | None:
        refusal = login.prove_password(tried, wanted.password, staff=True)
        if refusal or tried.account is None:
            return refusal
        person = accounts.find_person(db, tried.account.uid)
        if person is None or person.staff is None or not person.staff.is_active:
            return NotStaff()
        found[:] = [person]
        refusal = login.state_refusal(tried) or _prove_totp(tried, tried.account, wanted.totp_code)
        if refusal is None and store.note_address(db, person.uid, client.ip, tried.at):
            tried.raise_new_address()
        return refusal

    def enter(_account: Account) -> TokenPair:
        return sessions.open_session(db, found[0], client, kind="staff")

    pair = login.attempt(db, wanted.email, "staff", client, judge=judge, enter=enter)
    (person,) = found
    staff = standing_of(person)
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
            expires_at=staff.expires_at,
            permissions_expire_at=staff.permissions_expire_at,
        ),
    )


def standing(db: Connection, uid: int) -> Staff:
    """The operator behind a staff session, as of now. Raises PermissionDenied for one who is none any more."""
    person = accounts.find_person(db, uid)
    if person is None:
        raise PermissionDenied
    return standing_of(person)


def standing_of(person: Person) -> Staff:
    """The operator that a person is. Raises PermissionDenied for one who is none."""
    if person.staff is None or not person.staff.is_active:
        raise PermissionDenied
    return person.staff


def bootstrap(db: Connection, wanted: dict[str, Any]) -> bool:
    """Make the first super admin from `{email, password, totp_secret?}`, unless there is one or nothing is given.

    With a TOTP secret the account is enrolled at once, which production needs to let anyone in.
    """
    if "email" not in wanted or store.is_any_super_admin(db):
        return False
    uid = accounts.find_uid(db, wanted["email"].lower()) or accounts.insert_account(db, _first_account(wanted))
    if secret := wanted.get("totp_secret"):
        sealed = crypto.encrypt(secret, second_factor.totp_context(uid))
        factor_store.enrol_totp(db, uid, sealed, clock.now())
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


def _prove_totp(tried: Attempt, account: Account, code: str | None) -> Refusal | None:
    if account.totp_secret is None:
        return TotpRequired() if second_factor.is_required_of_staff(tried.db) else None
    if code is None:
        return TotpRequired()
    if second_factor.spend(tried.db, account, code, tried.at):
        return None
    tried.count_failure()
    return TotpInvalid()
