"""Verifying access tokens: RS256 only, by a cached public key, issuer and times checked."""

import json
import time
from typing import Any

from jose import jwk, jwt
from jose.exceptions import ExpiredSignatureError, JWTError
from pynamodb.exceptions import DoesNotExist

from shared import clock
from shared.dynamo.sessions import JwksItem
from shared.errors import TokenExpired, Unauthenticated

_ALGORITHM = "RS256"
_FRESH_SECONDS = 300
_REFETCH_SECONDS = 10
_keys: dict[str, Any] = {}
_fetched: list[float] = []


def issuer(public_url: str) -> str:
    """The issuer of our tokens."""
    return f"{public_url}/api/v1"


def verify(token: str, public_url: str) -> dict[str, Any]:
    """The claims of a valid access token. Raises TokenExpired, or Unauthenticated for anything else wrong with it."""
    try:
        header = jwt.get_unverified_header(token)
        key = _key(str(header.get("kid", ""))) if header.get("alg") == _ALGORITHM else None
        if key is None:
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=issuer(public_url),
            options={"verify_exp": False, "verify_aud": False},
        )
        expires, issued = int(claims["exp"]), int(claims["iat"])
        int(claims["sub"])
        str(claims["sid"])
    except (JWTError, ExpiredSignatureError, KeyError, ValueError, TypeError) as error:
        raise Unauthenticated from error
    moment = clock.now().timestamp()
    if expires <= moment:
        raise TokenExpired
    if issued > moment + 60:
        raise Unauthenticated
    return claims


def _key(kid: str) -> Any:
    """The public key of `kid`, fetched again when unknown (at most every 10 s) or older than 5 minutes."""
    age = time.monotonic() - _fetched[0] if _fetched else float("inf")
    if age > _FRESH_SECONDS or (kid not in _keys and age > _REFETCH_SECONDS):
        try:
            published = json.loads(JwksItem.get("JWKS", "JWKS").jwks)["keys"]
        except DoesNotExist:
            published = []
        _keys.clear()
        _keys.update({item["kid"]: jwk.construct(item, _ALGORITHM) for item in published})
        _fetched[:] = [time.monotonic()]
    return _keys.get(kid)


def forget_keys() -> None:
    """Drop the cached keys (tests; restore from a snapshot)."""
    _keys.clear()
    _fetched.clear()
