"""API keys of an account: made, listed, revoked (rules.md §17, docs/decisions/0030-api-keys.md)."""

import secrets

from functions.identity import signing
from functions.identity.errors import ApiKeyNotFound, ScopeUnknown, TooManyKeys
from functions.identity.schemas.api_keys import LONGEST_LIFE, ApiKey, ApiKeyIn, NewApiKey
from functions.identity.service import sessions
from functions.identity.store import api_keys as store
from functions.identity.store.api_keys import NewKey
from shared import clock
from shared.api_keys import SCOPES, digest
from shared.errors import TokenRevoked
from shared.sql.connection import Connection

MOST = 20
PREFIX = 40
"""Characters shown of a key: up to its kind all are alike, the last twelve tell one from another."""

_JTI_BYTES = 16


def create(db: Connection, uid: int, wanted: ApiKeyIn) -> NewApiKey:
    """Make a key, which is returned this once and kept nowhere.

    Its item is written before the commit: what is listed counts, and a crash in between leaves an item nobody has the key
    to. Raises ScopeUnknown or TooManyKeys.
    """
    if unknown := [scope for scope in wanted.scopes if scope not in SCOPES]:
        raise ScopeUnknown(unknown=unknown, known=list(SCOPES))
    owner = store.lock_owner(db, uid)
    if owner is None:
        raise TokenRevoked
    now = clock.now().replace(microsecond=0)
    expires = (wanted.expires_at or now + LONGEST_LIFE).replace(microsecond=0)
    jti = secrets.token_hex(_JTI_BYTES)
    scopes: list[str] = [scope for scope in SCOPES if scope in wanted.scopes]
    key = signing.api_key(uid, jti, scopes, issued=int(now.timestamp()), expires=int(expires.timestamp()))
    new = NewKey(uid, wanted.name, key[:PREFIX], jti, digest(key), scopes, now, expires)
    key_id = store.insert(db, new, list(store.counting(uid)), MOST)
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
    counting, uses = store.counting(uid), store.last_uses(uid)
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
