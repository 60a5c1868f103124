"""API keys of an account: made, listed, revoked (rules.md §17, docs/decisions/0030-api-keys.md)."""

import secrets
from datetime import datetime

from functions.identity import signing
from functions.identity.errors import ApiKeyNotFound, ScopeUnknown, TooManyKeys
from functions.identity.schemas.api_keys import LONGEST_LIFE, ApiKey, ApiKeyIn, NewApiKey
from functions.identity.service import sessions
from functions.identity.store import api_keys as store
from functions.identity.store.api_keys import NewKey
from shared import clock
from shared.api_keys import SCOPES, digest
from shared.caller import Caller
from shared.dynamo.sessions import SessionItem
from shared.errors import TokenRevoked
from shared.sql.connection import Connection

MOST = 20
PREFIX = 40
"""Characters shown of a key: up to its kind all are alike, the last twelve tell one from another."""

_JTI_BYTES = 16


def create(db: Connection, caller: Caller, wanted: ApiKeyIn) -> NewApiKey:
    """Make a key, which is returned this once and kept nowhere.

    The session is looked at again, alone with the account: one that ended a moment ago may still be let in elsewhere for
    half a minute, and must not leave a key that lasts. The key's item is written before the commit: what is listed counts,
    and a crash in between leaves an item nobody has the key to. Raises ScopeUnknown, TooManyKeys or TokenRevoked.
    """
    uid = caller.uid
    if unknown := [scope for scope in wanted.scopes if scope not in SCOPES]:
        raise ScopeUnknown(unknown=unknown, known=list(SCOPES))
    owner = store.lock_owner(db, uid)
    now = clock.now().replace(microsecond=0)
    items = store.beside(uid)
    if owner is None or not _is_live(items.get(caller.session_id), now):
        raise TokenRevoked
    expires = (wanted.expires_at or now + LONGEST_LIFE).replace(microsecond=0)
    jti = secrets.token_hex(_JTI_BYTES)
    scopes: list[str] = [scope for scope in SCOPES if scope in wanted.scopes]
    key = signing.api_key(uid, jti, scopes, issued=int(now.timestamp()), expires=int(expires.timestamp()))
    new = NewKey(uid, wanted.name, key[:PREFIX], jti, digest(key), scopes, now, expires)
    key_id = store.insert(db, new, store.counting(items), MOST)
    if key_id is None:
        raise TooManyKeys(max=MOST)
    locale, roles = owner
    store.put_item(new, roles, locale)
    return NewApiKey.model_construct(
        key_id=key_id,
        name=new.name,
        prefix=new.prefix,
        scopes=scopes,
        last_used_at=None,
        expires_at=expires,
        key=key,
    )


def listed(db: Connection, uid: int) -> list[ApiKey]:
    """The keys that count, newest first."""
    counting, uses = set(store.counting(store.beside(uid))), store.last_uses(uid)
    return [
        ApiKey.model_construct(
            key_id=row.key_id,
            name=row.name,
            prefix=row.prefix,
            scopes=row.scopes,
            last_used_at=uses.get(row.jti),
            expires_at=row.expires_at,
        )
        for row in store.listed(db, uid, clock.now())
        if row.jti in counting
    ]


def revoke(db: Connection, uid: int, key_id: int) -> None:
    """End a key, at once here and within 30 s everywhere. Its item goes before the commit: a crash in between leaves a
    key that counts no more, and may be repeated. Raises ApiKeyNotFound.
    """
    jti = store.mark_revoked(db, uid, key_id, clock.now())
    if jti is None:
        raise ApiKeyNotFound
    sessions.revoke(uid, jti)


def _is_live(session: SessionItem | None, at: datetime) -> bool:
    if session is None or int(session.ttl or 0) <= at.timestamp():
        return False
    return session.state != "banned" or (session.banned_until is not None and session.banned_until <= at.timestamp())
