"""Deactivating an account: hidden until its owner signs in again with `reactivate`."""

from functions.identity.errors import InvalidCredentials, WrongPassword
from functions.identity.models import Client
from functions.identity.schemas.life import DeactivateIn
from functions.identity.service import sessions
from functions.identity.service.attempts import Attempt, alone_with
from functions.identity.service.login import prove_password
from functions.identity.service.proofs import prove_by_code
from functions.identity.store import life as store
from shared.errors import Refusal, TokenRevoked
from shared.sql.connection import Connection


def deactivate(db: Connection, uid: int, wanted: DeactivateIn, client: Client) -> None:
    """Hide the account and end its sessions. Raises WrongPassword (counted as login counts it), CodeInvalid, AccountLocked."""
    with alone_with(db, uid, client) as tried:
        refusal = _prove(db, uid, tried, wanted)
        if refusal is None:
            store.deactivate(db, uid, tried.at)
            store.note(db, uid, "deactivated", wanted.reason, tried.at)
            # Before the commit: a crash between the two leaves an account signed out, never a hidden one signed in.
            sessions.revoke_all(uid)
    # After the transaction, which keeps the count of wrong passwords.
    if refusal is not None:
        raise refusal


def _prove(db: Connection, uid: int, tried: Attempt, wanted: DeactivateIn) -> Refusal | None:
    if tried.account is None:
        return TokenRevoked()
    if wanted.password is not None:
        refusal = prove_password(tried, wanted.password)
        return WrongPassword() if isinstance(refusal, InvalidCredentials) else refusal
    try:
        prove_by_code(db, uid, "deactivate_account", wanted.code or "").use()
    except Refusal as raised:
        return raised
    return None
