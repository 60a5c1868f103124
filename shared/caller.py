"""A signed-in person, and the session that says so: one DynamoDB read, kept for 30 s (rules.md §3)."""

import time
from dataclasses import dataclass

from pynamodb.exceptions import DoesNotExist

from shared import clock
from shared.dynamo import edge
from shared.dynamo.sessions import session_key, user_key
from shared.errors import AccountBanned, TokenRevoked

_SESSION_SECONDS = 30
_SESSIONS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person. `permissions` are those of the staff session, empty in a user session."""

    uid: int
    session_id: str
    kind: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    locale: str
    scopes: tuple[str, ...] = ()
    """Of an API key: what it may do. It never has permissions."""
    key_hash: str = ""
    perms_v: int = 0
    """The least claim of that name which a token of the session may carry."""

    @property
    def is_creator(self) -> bool:
        """Whether creator certification was approved."""
        return "creator" in self.roles

    def may(self, permission: str) -> bool:
        """Whether the session holds `domain:point`, directly or by `*`, `domain:*` or `*:read` (rules.md §2)."""
        domain, _, point = permission.partition(":")
        held = self.permissions
        return permission in held or "*" in held or f"{domain}:*" in held or f"*:{point}" in held


_sessions: dict[tuple[int, str], tuple[float, Caller]] = {}


def caller_of(uid: int, session_id: str) -> Caller:
    """The caller of a live session, kept for 30 s. Raises TokenRevoked or AccountBanned."""
    known = _sessions.get((uid, session_id))
    if known and time.monotonic() - known[0] < _SESSION_SECONDS:
        return known[1]
    try:
        item = edge.find_session(user_key(uid), session_key(session_id))
    except DoesNotExist as error:
        _sessions.pop((uid, session_id), None)
        raise TokenRevoked from error
    if item.ttl is not None and item.ttl <= clock.now().timestamp():
        raise TokenRevoked
    if item.state == "banned" and (item.banned_until is None or item.banned_until > clock.now().timestamp()):
        raise AccountBanned
    perms_v = int(item.perms_v or 0)
    caller = Caller(
        uid,
        session_id,
        item.kind,
        tuple(item.roles),
        tuple(item.permissions),
        item.locale,
        scopes=tuple(item.scopes or ()),
        key_hash=item.key_hash or "",
        perms_v=perms_v,
    )
    if len(_sessions) >= _SESSIONS_KEPT:
        _sessions.clear()
    _sessions[uid, session_id] = (time.monotonic(), caller)
    return caller


def forget_session(uid: int, session_id: str) -> None:
    """Drop a cached session: a write takes effect at once for the environment that made it."""
    _sessions.pop((uid, session_id), None)


def forget_sessions() -> None:
    """Drop every cached session (tests; restore from a snapshot)."""
    _sessions.clear()
