"""Signing in, for users and operators: lock-out, bans, and the same answer for the same work whoever is asked for.

Nothing is said about an account before its credentials are proved: a ban or a deactivation is told to its owner only.
Guesses at one account wait for each other on its row, so that five means five however many come at once. Each runs in a
transaction of its own: a refusal must not undo the failure it counted.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from functions.identity import keyed
from functions.identity.errors import AccountDeactivated, AccountLocked, DeviceBanned, InvalidCredentials
from functions.identity.models import Account, Client, account_name
from functions.identity.schemas.accounts import TokenPair
from functions.identity.schemas.fields import Purpose
from functions.identity.schemas.sessions import LoginIn
from functions.identity.service import codes, sessions
from functions.identity.store import accounts, logins
from shared import clock, observe, passwords
from shared.errors import AccountBanned, Refusal
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_LOGIN: Purpose = "login"


def log_in(db: Connection, wanted: LoginIn, client: Client) -> TokenPair:
    """Sign a user in by password or code.

    Raises DeviceBanned, InvalidCredentials, CodeInvalid, AccountLocked, AccountBanned or AccountDeactivated.
    """
    name = wanted.account or wanted.phone or ""
    now = clock.now()
    if client.device_id and accounts.is_device_banned(db, client.device_id, now):
        raise DeviceBanned
    method = "password" if wanted.password is not None else "code"

    def judge(account: Account | None) -> Refusal | None:
        if wanted.password is not None:
            refusal = prove_password(db, account, name, wanted.password, now)
        else:
            refusal = _prove_code(account, account_name(name)[1], wanted.code or "", now)
        return refusal or (state_refusal(account, now, reactivate=wanted.reactivate) if account else InvalidCredentials())

    uid = attempt(db, name, method, client, judge=judge)
    person = accounts.find_person(db, uid)
    if person is None:
        raise InvalidCredentials
    return sessions.open_session(db, person, client)


def attempt(
    db: Connection,
    name: str,
    method: str,
    client: Client,
    *,
    judge: Callable[[Account | None], Refusal | None],
    accept: Callable[[Account], None] | None = None,
) -> int:
    """One attempt at one account, alone with it: judged, counted, logged. Returns the uid or raises the refusal."""
    refusal: Refusal | None
    with db.transaction():
        account = accounts.lock_account(db, *account_name(name))
        try:
            refusal = judge(account)
        except Refusal as raised:
            refusal = raised
        if account and refusal is None:
            accounts.note_login(db, account.uid, method, client, clock.now())
            if accept:
                accept(account)
    if account:
        logins.log(account.uid, method, client, reason=refusal.error if refusal else None)
    if refusal or account is None:
        raise refusal or InvalidCredentials()
    return account.uid


def prove_password(db: Connection, account: Account | None, name: str, password: str, now: datetime) -> Refusal | None:
    """None when the password is the account's; a failure is counted and may lock it (rules.md §3)."""
    if account is None:
        return _prove_nobody(db, name, password, now)
    if account.is_locked(now):
        return _locked(account.locked_until, now)
    if passwords.matches(account.password_hash, password):
        return None
    count_failure(db, account, now)
    return InvalidCredentials()


def count_failure(db: Connection, account: Account, now: datetime) -> None:
    """Count a wrong password or one-time password; the fifth in 15 minutes locks the account."""
    limit, window = _lockout(db)
    if accounts.count_failure(db, account.uid, now, limit=limit, window=window):
        observe.warn("brute_force", uid=account.uid)
        observe.count("brute_force")


def state_refusal(account: Account, now: datetime, *, reactivate: bool = False) -> Refusal | None:
    """Why an account, though its owner is proved, may not be used now."""
    if account.is_banned(now):
        return AccountBanned(ban_reason=account.ban_reason, ban_end_time=account.ban_end_time)
    if account.status == "inactive" and not reactivate:
        return AccountDeactivated()
    return None


def recovery_hash(uid: int, code: str) -> str:
    """How a recovery code is stored."""
    return keyed.digest("recovery code", f"{uid}:{code.strip().lower()}")


def is_recovery_code(account: Account, code: str) -> bool:
    """Whether this is one of the account's unspent recovery codes."""
    given = recovery_hash(account.uid, code)
    return any(hmac.compare_digest(given, kept) for kept in account.recovery_code_hashes)


def _prove_code(account: Account | None, target: str, code: str, now: datetime) -> Refusal | None:
    """A code sent to the address or number itself; a username has none."""
    proof = codes.prove(_LOGIN, target, code)
    if account is None:
        return InvalidCredentials()
    if account.is_locked(now):
        return _locked(account.locked_until, now)
    proof.use()
    return None


def _prove_nobody(db: Connection, name: str, password: str, now: datetime) -> Refusal:
    """The same work and the same answers, lock-out included, for a name nobody has."""
    limit, window = _lockout(db)
    seconds, epoch = int(window.total_seconds()), int(now.timestamp())
    name_hash = hashlib.sha256(name.lower().encode()).hexdigest()
    so_far = logins.failures_of_nobody(name_hash, epoch, seconds)
    if so_far.locked_until > epoch:
        return _locked(now + timedelta(seconds=so_far.locked_until - epoch), now)
    passwords.matches(None, password)
    logins.count_failure_of_nobody(name_hash, so_far, epoch, limit=limit, window=seconds)
    return InvalidCredentials()


def _locked(until: datetime | None, now: datetime) -> AccountLocked:
    seconds = int((until - now).total_seconds()) + 1 if until else 1
    return AccountLocked(retry_after=seconds)


def _lockout(db: Connection) -> tuple[int, timedelta]:
    return int(tunable(db, "auth.max_failures")), timedelta(minutes=int(tunable(db, "auth.lock_minutes")))
