"""Verifying access tokens: RS256 only, by a cached public key, issuer and times checked."""

import json
import time
from typing import Any

from jose import jwk, jwt
from jose.exceptions import JWTError
from pynamodb.exceptions import DoesNotExist

from shared import clock
from shared.dynamo.sessions import JwksItem
from shared.errors import TokenExpired, Unauthenticated

ALGORITHM = "RS256"
_FRESH_SECONDS = 300
_REFETCH_SECONDS = 10
_TOKENS_KEPT = 256
_CLOCK_SKEW_SECONDS = 60
_keys: dict[str, Any] = {}
_verified: dict[str, dict[str, Any]] = {}
_fetched: list[float] = []


def issuer(public_url: str) -> str:
    """The issuer of our tokens."""
    return f"{public_url}/api/v1"


def verify(token: str, public_url: str) -> dict[str, Any]:
    """The claims of a valid access token. Raises TokenExpired, or Unauthenticated for anything else wrong with it.

    A signature is checked once per environment and key set; the times are looked at on every call.
    """
    claims = _verified.get(token) if _fresh() else None
    if claims is None:
        claims = _check(token, public_url)
        if len(_verified) >= _TOKENS_KEPT:
            _verified.clear()
        _verified[token] = claims
    moment = clock.now().timestamp()
    if claims["exp"] <= moment:
        raise TokenExpired
    if claims["iat"] > moment + _CLOCK_SKEW_SECONDS:
        raise Unauthenticated
    return claims


def _check(token: str, public_url: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
        key = public_key(str(header.get("kid", ""))) if header.get("alg") == ALGORITHM else None
        if key is None:
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer(public_url),
            options={"verify_exp": False, "verify_aud": False},
        )
        return claims | {
            "exp": int(claims["exp"]), "iat": int(claims["iat"]), "sub": int(claims["sub"]), "sid": str(claims["sid"]),
            "perms_v": int(claims.get("perms_v", 0)),
        }  # fmt: skip
    except (JWTError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise Unauthenticated from error


def _fresh() -> bool:
    return bool(_fetched) and time.monotonic() - _fetched[0] <= _FRESH_SECONDS


def public_key(kid: str) -> Any:
    """The public key of `kid`, fetched again when unknown (at most every 10 s) or older than 5 minutes."""
    age = time.monotonic() - _fetched[0] if _fetched else float("inf")
    if age > _FRESH_SECONDS or (kid not in _keys and age > _REFETCH_SECONDS):
        try:
            published = json.loads(JwksItem.get("JWKS", "JWKS").jwks)["keys"]
        except DoesNotExist:
            published = []
        _verified.clear()
        _keys.clear()
        _keys.update({item["kid"]: jwk.construct(item, ALGORITHM) for item in published})
        _fetched[:] = [time.monotonic()]
    return _keys.get(kid)


def forget_keys() -> None:
    """Drop the cached keys (tests; restore from a snapshot)."""
    _keys.clear()
    _verified.clear()
    _fetched.clear()
