"""Setting a password: forgotten, reset by a code, changed by who knows the old one.

A new password ends sessions. They end in DynamoDB before the password is committed in SQL: a crash in between leaves the
old password and nobody signed in, which harms no one; the other order could leave a thief signed in.
"""

from functions.identity.errors import CodeInvalid, SamePassword, WrongPassword
from functions.identity.models import Client, account_name
from functions.identity.service import codes, sessions
from functions.identity.service.attempts import alone_with, tell_owner
from functions.identity.store import credentials
from shared import clock, password_rules, passwords
from shared.caller import Caller
from shared.errors import Refusal, TokenRevoked
from shared.i18n import Locale
from shared.sql.connection import Connection


def forget(db: Connection, account: str, locale: Locale) -> int:
    """Have a code sent with which to set a new password; known and unknown accounts are treated alike.

    Returns the seconds it will count. Raises TargetInvalid or CodeTooFrequent.
    """
    kind, target = account_name(account)
    return codes.request(db, "sms" if kind == "phone" else "email", target, "reset_password", locale)


def reset(db: Connection, account: str, code: str, new: str, client: Client) -> None:
    """Set a new password with a code; every session of the account ends, and so does a lock.

    Raises WeakPassword, or CodeInvalid: also for the right code of an address that has no account.
    """
    password_rules.check(new, account)
    proof = codes.prove("reset_password", account_name(account)[1], code)
    new_hash = passwords.hashed(new)
    with alone_with(db, account, client) as tried:
        if tried.account is None:
            raise CodeInvalid
        password_rules.check(new, tried.account.email, tried.account.phone, tried.account.username)
        proof.use()
        credentials.set_password(db, tried.account.uid, new_hash, tried.at)
        sessions.revoke_all(tried.account.uid)
        tell_owner(tried.account, "password_changed", client.ip, tried.at)


def change(db: Connection, caller: Caller, old: str, new: str, client: Client) -> None:
    """Set a new password, knowing the old one; every other session of the account ends.

    A wrong old one counts as a failed sign-in. Raises WrongPassword, AccountLocked, SamePassword or WeakPassword.
    """
    refusal: Refusal | None = None
    with alone_with(db, caller.uid, client) as tried:
        if tried.account is None:
            raise TokenRevoked
        is_right = passwords.matches(tried.account.password_hash, old)
        if (refusal := tried.locked) or not is_right:
            tried.count_failure()
            refusal = refusal or WrongPassword()
        elif new == old:
            refusal = SamePassword()
        else:
            password_rules.check(new, tried.account.email, tried.account.phone, tried.account.username)
            epoch = credentials.set_password(db, caller.uid, passwords.hashed(new), clock.now())
            sessions.keep_only(caller.uid, caller.session_id, epoch)
            tell_owner(tried.account, "password_changed", client.ip, tried.at)
    if refusal:
        raise refusal
