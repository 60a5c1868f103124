"""Sessions and their tokens: opening, refreshing, ending.

A refresh token is `uid.session.generation.mac`; the mac is a keyed hash, so a forged token is told from an old one, and
the next token of a family is known from the one before. The session item keeps only hashes. Refreshing rotates. For
GRACE_SECONDS after that, the previous token still answers, with the very same successor: a client that refreshed twice at
once, or lost the answer, ends with one family and one current token. Later, or with any older token, it is a theft: the
session ends, for thief and owner (RFC 9700 §4.14).
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from functions.identity import keyed, signing
from functions.identity.errors import RefreshTokenInvalid, RefreshTokenReused
from functions.identity.models import Client, Person
from functions.identity.schemas.accounts import TokenPair
from functions.identity.service import profiles
from functions.identity.store import accounts, credentials
from functions.identity.store import sessions as store
from shared import clock, observe
from shared.api_keys import KIND as API_KEY
from shared.caller import forget_session
from shared.errors import AccountBanned
from shared.ids import new_ulid
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

GRACE_SECONDS = 10
_PARTS = 4


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of ours, its mac already proved."""

    uid: int
    session_id: str
    generation: int

    @property
    def text(self) -> str:
        """What the client keeps."""
        body = f"{self.uid}.{self.session_id}.{self.generation}"
        return f"{body}.{keyed.digest('refresh token', body)}"

    @property
    def hash(self) -> str:
        """What the session item keeps."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def next(self) -> "RefreshToken":
        """The successor in the family."""
        return RefreshToken(self.uid, self.session_id, self.generation + 1)


def parse(text: str) -> RefreshToken:
    """Read a refresh token. Raises RefreshTokenInvalid for one we never gave out."""
    parts = text.split(".")
    try:
        token = RefreshToken(int(parts[0]), parts[1], int(parts[2]))
    except (IndexError, ValueError) as error:
        raise RefreshTokenInvalid from error
    if len(parts) != _PARTS or not hmac.compare_digest(token.text.encode(), text.encode()):
        raise RefreshTokenInvalid
    return token


def open_session(db: Connection, person: Person, client: Client, kind: str = "user") -> TokenPair:
    """A new session of an account, `user` or `staff`, and its first pair of tokens."""
    now = clock.now()
    first = RefreshToken(person.uid, new_ulid(), 1)
    expires = _expiry(db, kind, now)
    store.put(
        person.uid,
        first.session_id,
        kind=kind,
        roles=person.roles,
        permissions=profiles.permissions_of(person, kind),
        locale=person.locale,
        epoch=person.token_epoch,
        client=client,
        refresh_hash=first.hash,
        now=int(now.timestamp()),
        expires=expires,
    )
    if person.single_session:
        _end_others(person.uid, first.session_id, kind)
    return _pair(db, person, first, kind, expires)


def refresh(db: Connection, text: str) -> TokenPair:
    """The next pair of a session, with the roles and permissions of now.

    Raises RefreshTokenInvalid, RefreshTokenReused (and ends the session), or AccountBanned.
    """
    token = parse(text)
    item = store.find(token.uid, token.session_id)
    now = clock.now()
    if item is None or int(item.ttl or 0) <= now.timestamp():
        raise RefreshTokenInvalid
    person = accounts.find_person(db, token.uid)
    if person is None or (item.kind == "staff" and person.staff is None):
        revoke(token.uid, token.session_id)
        raise RefreshTokenInvalid
    if item.epoch is not None and item.epoch < person.token_epoch:
        revoke(token.uid, token.session_id)
        raise RefreshTokenInvalid
    if person.is_banned(now):
        raise AccountBanned(ban_reason=person.ban_reason, ban_end_time=person.ban_end_time)
    expires = int(item.ttl or 0) if item.kind == "staff" else _expiry(db, item.kind, now)
    rotated = store.rotate(
        item,
        old_hash=token.hash,
        new_hash=token.next().hash,
        roles=person.roles,
        permissions=profiles.permissions_of(person, item.kind),
        now=int(now.timestamp()),
        expires=expires,
    )
    if not rotated:
        _allow_late(token, now)
    forget_session(token.uid, token.session_id)
    return _pair(db, person, token.next(), item.kind, expires)


def revoke(uid: int, session_id: str) -> int:
    """End a session, at once here and within 30 s everywhere; returns how many ended."""
    forget_session(uid, session_id)
    return int(store.end(uid, session_id))


def revoke_all(uid: int) -> int:
    """End every session of an account, and its API keys; returns how many ended."""
    return sum(revoke(uid, store.id_of(item)) for item in store.all_of(uid))


def keep_only(uid: int, session_id: str, epoch: int) -> None:
    """End every session of an account but one, which lives on in the new epoch of its tokens; API keys stay."""
    for item in store.all_of(uid):
        if store.id_of(item) == session_id:
            store.carry_over(item, epoch)
        elif item.kind != API_KEY:
            revoke(uid, store.id_of(item))


def ban(uid: int, until: datetime | None) -> None:
    """Refuse every request of an account's sessions within 30 s, until then or for good. Call it before the commit."""
    for item in store.all_of(uid):
        store.ban(item, int(until.timestamp()) if until else None)
        forget_session(uid, store.id_of(item))


def lift_ban(uid: int) -> None:
    """Let an account's sessions count again."""
    for item in store.all_of(uid):
        store.lift_ban(item)
        forget_session(uid, store.id_of(item))


def follow_staff(db: Connection, uid: int) -> None:
    """Let the sessions of an operator follow what they may now, or end those of one who is an operator no more.

    The account's tokens get a new epoch first, whose row stays locked until the commit: of two changes at once the second
    reads what the first left. Doing it again changes nothing but the epoch.
    """
    epoch = credentials.raise_token_epoch(db, uid, clock.now())
    person = accounts.find_person(db, uid)
    for item in store.all_of(uid):
        if person is None or (item.kind == "staff" and not (person.staff and person.staff.is_active)):
            revoke(uid, store.id_of(item))
        else:
            store.follow_staff(item, person.roles, profiles.permissions_of(person, item.kind), epoch)
            forget_session(uid, store.id_of(item))


def _end_others(uid: int, session_id: str, kind: str) -> None:
    """One session at a time, as the owner wishes; an operator's does not end their own as a user, nor the other way."""
    for item in store.all_of(uid):
        if item.kind == kind and store.id_of(item) != session_id:
            revoke(uid, store.id_of(item))


def _allow_late(token: RefreshToken, now: datetime) -> None:
    """The token is not the current one: fine if it was until a moment ago, else it was stolen or copied."""
    item = store.find(token.uid, token.session_id)
    if item is None:
        raise RefreshTokenInvalid
    if item.previous_hash == token.hash and now.timestamp() - int(item.rotated_at or 0) <= GRACE_SECONDS:
        return
    revoke(token.uid, token.session_id)
    observe.warn("refresh_token_reused", uid=token.uid)
    observe.count("refresh_token_reused")
    raise RefreshTokenReused


def _expiry(db: Connection, kind: str, now: datetime) -> int:
    """When the refresh token ends: a user's moves on with each refresh, an operator's stays."""
    seconds = (
        int(tunable(db, "auth.staff_refresh_ttl_hours")) * 3600
        if kind == "staff"
        else int(tunable(db, "auth.refresh_ttl_days")) * 86_400
    )
    return int(now.timestamp()) + seconds


def _pair(db: Connection, person: Person, token: RefreshToken, kind: str, expires: int) -> TokenPair:
    seconds = int(tunable(db, "auth.staff_access_ttl_seconds" if kind == "staff" else "auth.access_ttl_seconds"))
    return TokenPair.model_construct(
        access_token=signing.access_token(person, token.session_id, kind, seconds),
        refresh_token=token.text,
        expires_in=seconds,
        refresh_expires_in=expires - int(clock.now().timestamp()),
        session_id=token.session_id,
        user=profiles.profile(person, kind),
    )
