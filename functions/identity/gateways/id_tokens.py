"""Believing an id_token (OpenID Connect Core §3.1.3.7): RS256 by a key the issuer publishes, for us, now, for this journey."""

import hmac
import time
from collections.abc import Callable
from typing import Any

from jose import jwk, jwt
from jose.exceptions import JOSEError

from functions.identity.gateways.oauth_base import Away, Declined, Wire
from shared import clock

ALGORITHM = "RS256"
FRESH_SECONDS = 3600
COOLDOWN_SECONDS = 30
SKEW_SECONDS = 60
_INVALID = "id_token_invalid"


class IdTokens:
    """The verifier for one issuer and one client; keeps the issuer's keys."""

    def __init__(
        self,
        wire: Wire,
        jwks_url: str,
        issuers: frozenset[str],
        client_id: str,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire, self._jwks_url, self._issuers, self._client_id, self._now = wire, jwks_url, issuers, client_id, now
        self._keys: dict[str, Any] = {}
        self._fetched: float | None = None

    def claims(self, token: str, *, nonce: str, access_token: str) -> dict[str, Any]:
        """What the token says. Raises Declined, naming the check it failed, or Away when the keys cannot be had."""
        claims = self._signed(token, access_token)
        if claims.get("iss") not in self._issuers:
            raise Declined(_INVALID, "iss")
        audience = claims.get("aud")
        if audience not in (self._client_id, [self._client_id]) or claims.get("azp", self._client_id) != self._client_id:
            raise Declined(_INVALID, "aud")
        moment = clock.now().timestamp()
        if _time(claims, "exp") + SKEW_SECONDS <= moment:
            raise Declined(_INVALID, "exp")
        if _time(claims, "iat") - SKEW_SECONDS > moment:
            raise Declined(_INVALID, "iat")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise Declined(_INVALID, "nonce")
        return claims

    def _signed(self, token: str, access_token: str) -> dict[str, Any]:
        """The claims, when one of the issuer's keys signed them, and signed them over this access token if it says so."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM:
                raise Declined(_INVALID, "alg")
            key = self._key(str(header.get("kid", "")))
            if key is None:
                raise Declined(_INVALID, "kid")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                access_token=access_token,
                options={"verify_aud": False, "verify_iss": False, "verify_exp": False, "verify_iat": False},
            )
        except (JOSEError, ValueError, TypeError) as error:
            raise Declined(_INVALID, "signature") from error
        return claims

    def _key(self, kid: str) -> Any:
        """The public key `kid`. Keys are fetched when an hour old, or for an unknown `kid` when half a minute old."""
        age = float("inf") if self._fetched is None else self._now() - self._fetched
        if age > FRESH_SECONDS or (kid not in self._keys and age > COOLDOWN_SECONDS):
            self._keys = self._published()
            self._fetched = self._now()
        return self._keys.get(kid)

    def _published(self) -> dict[str, Any]:
        reply = self._wire.get(self._jwks_url)
        published = reply.json.get("keys")
        if not isinstance(published, list):
            raise Away("no keys published")
        usable = [key for key in published if isinstance(key, dict) and key.get("kty") == "RSA" and _signs(key)]
        try:
            return {str(key["kid"]): jwk.construct(key, ALGORITHM) for key in usable if "kid" in key}
        except (JOSEError, ValueError, TypeError, KeyError) as error:
            raise Away("unreadable keys") from error


def _signs(key: dict[str, Any]) -> bool:
    """Whether a key is meant for signatures of our kind; what it does not say about itself it leaves open."""
    return (key.get("use", "sig"), key.get("alg", ALGORITHM)) == ("sig", ALGORITHM)


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Declined(_INVALID, name)
    return value
