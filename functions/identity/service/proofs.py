"""Proving again, within a session, that it is the owner who asks."""

from functions.identity.schemas.fields import Purpose
from functions.identity.service import codes
from functions.identity.service.codes import Proof
from functions.identity.store import life as store
from shared.sql.connection import Connection


def prove_by_code(db: Connection, uid: int, purpose: Purpose, code: str) -> Proof:
    """The proof by a code that was sent to the account's own address or number. Raises CodeInvalid."""
    return codes.prove_any(purpose, store.addresses_of(db, uid), code)
