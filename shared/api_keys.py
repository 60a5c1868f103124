"""API keys at the edge: is it ours, does it still count, and may it do this (docs/decisions/0030-api-keys.md).

A key is an RS256-signed JWT that names its user and itself. Beside the sessions lies one item per key, so that revoking,
a ban or a change of roles reaches keys as it reaches sessions, for the same one read. The item holds a hash of the whole
key: a key outlives the signing key that made it, and is told from a forgery by the hash when that is published no more.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from jose import jwt
from jose.exceptions import JWTError
from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError

from shared import clock, observe, tokens
from shared.caller import Caller, caller_of
from shared.dynamo.base import Item, condition_failed, meta
from shared.errors import PermissionDenied, TokenExpired, TokenRevoked, Unauthenticated

Scope = Literal["read", "write", "ai", "trade"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KIND = "api_key"
"""`typ` of the token, and the kind of its item beside the sessions."""

TOUCH_SECONDS = 300
_KEYS_KEPT = 256
_LONGEST = 2048
_proved: set[str] = set()
_touched: dict[str, float] = {}

_OWN_SCOPE: tuple[tuple[str, Scope], ...] = (
    ("/api/v1/ai", "ai"),
    ("/api/v1/trading", "trade"),
    ("/api/v1/strategies", "trade"),
    ("/api/v1/strategy-templates", "trade"),
)
_PERSONS_ONLY = (
    # What opens, proves, moves or ends an account, and what takes money out of the house, needs a person at the session.
    "/api/v1/api-keys",
    "/api/v1/auth",
    "/api/v1/users/security",
    "/api/v1/users/sessions",
    "/api/v1/users/identity-verify",
    "/api/v1/users/deactivate",
    "/api/v1/users/delete",
    "/api/v1/users/export-data",
    "/api/v1/users/merge",
    "/api/v1/withdrawals/request",
)


class KeyUseItem(Item):
    """pk `KU#{uid}`, sk the key's jti: when it was last used, to ten minutes. `ttl` is when the key ends."""

    Meta = meta("ops")

    last_used_at: ClassVar[NumberAttribute] = NumberAttribute()


@dataclass(frozen=True, slots=True)
class _Named:
    """What a key says of itself; believed only after `_is_signed` or the hash."""

    uid: int
    jti: str
    kid: str
    issuer: str
    expires: int


def use_key(uid: int) -> str:
    """Partition of the uses of a user's keys."""
    return f"KU#{uid}"


def digest(key: str) -> str:
    """The hash that is stored. A key holds a signature of 2048 bits, so it needs neither salt nor stretching."""
    return hashlib.sha256(key.encode()).hexdigest()


def caller_with(key: str, public_url: str) -> Caller:
    """The caller a key stands for. One DynamoDB read, kept for 30 s.

    Raises Unauthenticated for whatever was never a key of ours, TokenExpired, TokenRevoked or AccountBanned.
    """
    named, hashed = _read(key), digest(key)
    signed = _is_signed(key, hashed, named, public_url)
    if signed and _has_ended(named):
        raise TokenExpired
    try:
        caller = caller_of(named.uid, named.jti)
    except TokenRevoked as refusal:
        if signed:
            raise
        raise Unauthenticated from refusal
    if not hmac.compare_digest(caller.key_hash, hashed):
        raise Unauthenticated
    if _has_ended(named):
        raise TokenExpired
    _touch(named)
    return caller


def scope_for(method: str, path: str) -> Scope | None:
    """The scope a key needs for a request; None when no key will do."""
    if any(_is_below(path, closed) for closed in _PERSONS_ONLY):
        return None
    own = next((scope for prefix, scope in _OWN_SCOPE if _is_below(path, prefix)), None)
    return own or ("read" if method in {"GET", "HEAD"} else "write")


def permit(caller: Caller, method: str, path: str) -> None:
    """Hold a key to its scopes. Raises PermissionDenied with the scope it lacks, or null where no key may go."""
    scope = scope_for(method, path)
    if scope is None or scope not in caller.scopes:
        raise PermissionDenied(scope=scope)


def forget_keys() -> None:
    """Drop what was proved and noted (tests)."""
    _proved.clear()
    _touched.clear()


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _read(key: str) -> _Named:
    """What the key says. Raises Unauthenticated for what has not a key's shape."""
    try:
        if len(key) > _LONGEST:
            raise Unauthenticated
        header: dict[str, Any] = jwt.get_unverified_header(key)
        claims: dict[str, Any] = jwt.get_unverified_claims(key)
        if header.get("alg") != tokens.ALGORITHM or claims.get("typ") != KIND:
            raise Unauthenticated
        named = _Named(int(claims["sub"]), str(claims["jti"]), str(header["kid"]), str(claims["iss"]), int(claims["exp"]))
    except (JWTError, KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unauthenticated from error
    return named


def _is_signed(key: str, hashed: str, named: _Named, public_url: str) -> bool:
    """Whether the signature is of a key published now; False when that one is published no more.

    Raises Unauthenticated for a wrong signature and for another issuer's. Proved once per environment.
    """
    if named.issuer != tokens.issuer(public_url):
        raise Unauthenticated
    public = tokens.public_key(named.kid)
    if public is None:
        return False
    if hashed not in _proved:
        try:
            jwt.decode(key, public, algorithms=[tokens.ALGORITHM], options={"verify_exp": False, "verify_aud": False})
        except JWTError as error:
            raise Unauthenticated from error
        if len(_proved) >= _KEYS_KEPT:
            _proved.clear()
        _proved.add(hashed)
    return True


def _has_ended(named: _Named) -> bool:
    return named.expires <= clock.now().timestamp()


def _touch(named: _Named) -> None:
    """Note the use, unless it was noted within 5 minutes, here or elsewhere; a note that fails does not fail the request."""
    now = int(clock.now().timestamp())
    if now - _touched.get(named.jti, 0) < TOUCH_SECONDS:
        return
    if len(_touched) >= _KEYS_KEPT:
        _touched.clear()
    _touched[named.jti] = now
    item = KeyUseItem(use_key(named.uid), named.jti)
    due = KeyUseItem.last_used_at.does_not_exist() | (KeyUseItem.last_used_at <= now - TOUCH_SECONDS)
    try:
        item.update([KeyUseItem.last_used_at.set(now), KeyUseItem.ttl.set(named.expires)], condition=due)
    except UpdateError as error:
        if not condition_failed(error):
            observe.warn("use of an api key was not noted", uid=named.uid)
