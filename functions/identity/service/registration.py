"""Opening an account, and proving its address."""

from datetime import datetime

from psycopg.errors import UniqueViolation

from events.identity import UserRegistered
from functions.identity.errors import (
    ConsentRequired,
    DeviceBanned,
    EmailTaken,
    InvitationNotFound,
    PhoneTaken,
    UsernameTaken,
)
from functions.identity.handles import new_invitation_code, new_username
from functions.identity.models import Client, NewAccount
from functions.identity.schemas.accounts import RegisterIn, TokenPair
from functions.identity.service import codes, sessions
from functions.identity.store import accounts, logins
from shared import clock, password_rules, passwords
from shared.errors import Refusal
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection

_TAKEN: dict[str, type[Refusal]] = {
    "users_email": EmailTaken,
    "users_phone": PhoneTaken,
    "users_username": UsernameTaken,
    "authors_username": UsernameTaken,
    "authors_username_raw": UsernameTaken,
}


def register(db: Connection, wanted: RegisterIn, client: Client) -> TokenPair:
    """Open an account and sign it in. Everything is stored or nothing; of two who want one name, one gets it."""
    if not wanted.agree_terms:
        raise ConsentRequired
    password_rules.check(wanted.password, wanted.email, wanted.phone, wanted.username)
    now = clock.now()
    if client.device_id and accounts.is_device_banned(db, client.device_id, now):
        raise DeviceBanned
    proof = codes.prove("register", wanted.email or wanted.phone or "", wanted.code) if wanted.code else None
    uid = _store(db, wanted, client, now)
    if proof:
        proof.use()
    outbox.record(db, UserRegistered(event_id=new_ulid(), occurred_at=now, uid=uid, locale=wanted.locale, registered_at=now))
    logins.log(uid, "register", client)
    person = accounts.find_person(db, uid)
    assert person is not None  # noqa: S101 - just stored
    return sessions.open_session(db, person, client)


def verify_email(db: Connection, uid: int, email: str, code: str) -> None:
    """Bind an address to an account, proved by a code sent to it.

    Raises CodeInvalid, or EmailTaken when another account has it.
    """
    proof = codes.prove("verify_email", email, code)
    try:
        accounts.bind_email(db, uid, email, clock.now())
    except UniqueViolation as error:
        raise EmailTaken from error
    proof.use()


def verify_phone(db: Connection, uid: int, phone: str, code: str) -> None:
    """Bind a number to an account, proved by a code sent to it.

    Raises CodeInvalid, or PhoneTaken when another account has it.
    """
    proof = codes.prove("verify_phone", phone, code)
    try:
        accounts.bind_phone(db, uid, phone, clock.now())
    except UniqueViolation as error:
        raise PhoneTaken from error
    proof.use()


def _store(db: Connection, wanted: RegisterIn, client: Client, now: datetime) -> int:
    username = wanted.username or new_username()
    new = NewAccount(
        email=wanted.email,
        phone=wanted.phone,
        verified=wanted.code is not None,
        username=username,
        display_name=wanted.display_name or username,
        password_hash=passwords.hashed(wanted.password),
        invitation_code=new_invitation_code(),
        invited_by=wanted.invitation_code,
        locale=wanted.locale,
        client=client,
        at=now,
    )
    try:
        uid = accounts.insert_account(db, new)
    except UniqueViolation as error:
        raise _TAKEN.get(error.diag.constraint_name or "", UsernameTaken) from error
    if wanted.invitation_code and not accounts.credit_invitation(db, wanted.invitation_code, now):
        raise InvitationNotFound
    return uid
