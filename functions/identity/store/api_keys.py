"""API keys: the list in PostgreSQL, the item beside the sessions by which each counts, and when each was last used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import class_row

from functions.identity.store import sessions
from shared.api_keys import KIND, KeyUseItem, use_key
from shared.dynamo.sessions import SessionItem, session_key, user_key
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed."""

    key_id: int
    name: str
    prefix: str
    jti: str
    scopes: list[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewKey:
    """All that is stored of a new key; the key itself is not."""

    uid: int
    name: str
    prefix: str
    jti: str
    key_hash: str
    scopes: Sequence[str]
    at: datetime
    expires_at: datetime


def lock_owner(db: Connection, uid: int) -> tuple[str, list[str]] | None:
    """Language and account roles of the owner, or None for nobody.

    Until the transaction ends nobody else makes a key of theirs, sets their password, bans or closes the account.
    """
    return db.execute(
        """
        SELECT u.locale, ARRAY(SELECT r.role FROM identity.user_roles r WHERE r.uid = u.uid ORDER BY r.role)
        FROM identity.users u WHERE u.uid = %s FOR NO KEY UPDATE OF u
        """,
        (uid,),
    ).fetchone()


def insert(db: Connection, new: NewKey, counting: Sequence[str], most: int) -> int | None:
    """Store a key and return its id; None when `most` of the owner's keys count already, of those named in `counting`."""
    row = db.execute(
        """
        INSERT INTO identity.api_keys (user_id, name, prefix, jti, key_hash, scopes, created_at, expires_at)
        SELECT %(uid)s, %(name)s, %(prefix)s, %(jti)s, %(hash)s, %(scopes)s, %(at)s, %(expires)s
        WHERE (
            SELECT count(*) FROM identity.api_keys
            WHERE user_id = %(uid)s AND revoked_at IS NULL AND expires_at > %(at)s AND jti = ANY(%(counting)s)
        ) < %(most)s
        RETURNING key_id
        """,
        {
            "uid": new.uid,
            "name": new.name,
            "prefix": new.prefix,
            "jti": new.jti,
            "hash": new.key_hash,
            "scopes": list(new.scopes),
            "at": new.at,
            "expires": new.expires_at,
            "counting": list(counting),
            "most": most,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def listed(db: Connection, uid: int, at: datetime) -> list[KeyRow]:
    """A user's keys that were not revoked and have not expired, newest first."""
    with db.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(
            """
            SELECT key_id, name, prefix, jti, scopes, expires_at FROM identity.api_keys
            WHERE user_id = %s AND revoked_at IS NULL AND expires_at > %s ORDER BY key_id DESC
            """,
            (uid, at),
        ).fetchall()


def mark_revoked(db: Connection, uid: int, key_id: int, at: datetime) -> str | None:
    """Take a key off the list and return its jti; None when it is not there, or not this user's."""
    row = db.execute(
        """
        UPDATE identity.api_keys SET revoked_at = %s
        WHERE key_id = %s AND user_id = %s AND revoked_at IS NULL RETURNING jti
        """,
        (at, key_id, uid),
    ).fetchone()
    return None if row is None else str(row[0])


def put_item(new: NewKey, roles: Sequence[str], locale: str) -> None:
    """Let a key count."""
    made = int(new.at.timestamp())
    SessionItem(
        user_key(new.uid),
        session_key(new.jti),
        uid=new.uid,
        kind=KIND,
        roles=list(roles),
        permissions=[],
        scopes=list(new.scopes),
        key_hash=new.key_hash,
        locale=locale,
        created_at=made,
        last_seen_at=made,
        ttl=int(new.expires_at.timestamp()),
    ).save()


def beside(uid: int) -> dict[str, SessionItem]:
    """The items of every session and key of an account as they are now, by session id or jti."""
    return {sessions.id_of(item): item for item in sessions.all_of(uid)}


def counting(items: Mapping[str, SessionItem]) -> list[str]:
    """The jtis of the keys among them: what ends every session of an account ends its keys too."""
    return [jti for jti, item in items.items() if item.kind == KIND]


def last_uses(uid: int) -> dict[str, datetime]:
    """When each key was last used, to ten minutes, by its jti."""
    used: Any = KeyUseItem.query(use_key(uid))
    return {str(item.sk): datetime.fromtimestamp(int(item.last_used_at), UTC) for item in used}
