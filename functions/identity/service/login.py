"""Signing in, for users and operators: lock-out, bans, and the same answer for the same work whoever is asked for.

Nothing is said about an account before its credentials are proved: a ban or a deactivation is told to its owner only.
Guesses at one account wait for each other on its row, so that five means five however many come at once. Each runs in a
transaction of its own: a refusal must not undo the failure it counted. The session is opened in that transaction too, so
that a password changed at the same moment either comes first, and the login fails, or finds the session and ends it.

The first lock is 15 minutes long, each further one twice the one before, a day at most; a day after the last it starts
anew (models.Guesses). Who is locked out of their own account resets the password, which lifts the lock.
"""

from collections.abc import Callable

from functions.identity.errors import AccountDeactivated, DeviceBanned, InvalidCredentials
from functions.identity.models import Account, Client, account_name
from functions.identity.schemas.accounts import TokenPair
from functions.identity.schemas.fields import Purpose
from functions.identity.schemas.sessions import LoginIn
from functions.identity.service import codes, life, sessions
from functions.identity.service.attempts import Attempt, alone_with
from functions.identity.store import accounts
from shared import clock, passwords
from shared.errors import AccountBanned, Refusal
from shared.sql.connection import Connection

_LOGIN: Purpose = "login"


def log_in(db: Connection, wanted: LoginIn, client: Client) -> TokenPair:
    """Sign a user in by password or code.

    Raises DeviceBanned, InvalidCredentials, CodeInvalid, AccountLocked, AccountBanned or AccountDeactivated.
    """
    name = wanted.account or wanted.phone or ""
    if client.device_id and accounts.is_device_banned(db, client.device_id, clock.now()):
        raise DeviceBanned

    def judge(tried: Attempt) -> Refusal | None:
        if wanted.password is not None:
            refusal = prove_password(tried, wanted.password)
        else:
            refusal = prove_code(tried, name, wanted.code or "")
        return refusal or state_refusal(tried, reactivate=wanted.reactivate)

    def enter(account: Account) -> TokenPair:
        if account.status in life.LEFT:
            life.reactivate(db, account)
        person = accounts.find_person(db, account.uid)
        if person is None:
            raise InvalidCredentials
        return sessions.open_session(db, person, client)

    method = "password" if wanted.password is not None else "code"
    return attempt(db, name, method, client, judge=judge, enter=enter)


def attempt(
    db: Connection,
    name: str,
    method: str,
    client: Client,
    *,
    judge: Callable[[Attempt], Refusal | None],
    enter: Callable[[Account], TokenPair],
) -> TokenPair:
    """One attempt at one account, alone with it: judged, counted, watched, written down, and on success let in."""
    refusal: Refusal | None
    pair: TokenPair | None = None
    with alone_with(db, name, client) as tried:
        tried.watch_addresses()
        try:
            refusal = judge(tried)
        except Refusal as raised:
            refusal = raised
        if refusal is None and tried.account is None:
            refusal = InvalidCredentials()
        if refusal is None and tried.account:
            tried.note_success(method)
            pair = enter(tried.account)
        tried.write_down(method, refusal)
    if pair is None:
        raise refusal or InvalidCredentials()
    return pair


def prove_password(tried: Attempt, password: str, *, staff: bool = False) -> Refusal | None:
    """None when the password is the account's; a failure is counted and may lock it (rules.md §3).

    A locked account, a wrong password and a name nobody has cost the same work: one verification, one statement.
    """
    account = tried.account
    password_hash = account.password_hash if account else None
    if staff and account and account.staff_password_hash:
        password_hash = account.staff_password_hash
    is_right = passwords.matches(password_hash, password)
    if (locked := tried.locked) or not is_right:
        tried.count_failure()
        return locked or InvalidCredentials()
    if account and password_hash == account.password_hash and passwords.is_outdated(password_hash):
        tried.new_password_hash = passwords.hashed(password)
    return None


def state_refusal(tried: Attempt, *, reactivate: bool = False) -> Refusal | None:
    """Why an account, though its owner is proved, may not be used now."""
    account = tried.account
    if account is None:
        return InvalidCredentials()
    if account.is_banned(tried.at):
        return AccountBanned(ban_reason=account.ban_reason, ban_end_time=account.ban_end_time)
    if not account.is_active or (account.status in life.LEFT and not reactivate):
        return AccountDeactivated()
    return None


def prove_code(tried: Attempt, name: str, code: str) -> Refusal | None:
    """A code sent to the account's address or number, whichever of its names it signs in under."""
    kind, text = account_name(name)
    targets = [text]
    if kind == "username":
        # As many look-ups for nobody: an account has an address, a number, or both.
        own = (tried.account.email, tried.account.phone) if tried.account else (None, None)
        targets = [target or f"{text} has none" for target in own]
    proof = codes.prove_any(_LOGIN, targets, code)
    if tried.account is None:
        return InvalidCredentials()
    if locked := tried.locked:
        return locked
    proof.use()
    return None
