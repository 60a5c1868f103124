"""id_tokens, as Google and Apple make them, and as their forgers would."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.local.sandbox.oauth.vendor import Grant, Oauth, Vendor
from shared import clock

_LIFE = 3600


def id_token(request: Request, vendor: Vendor, grant: Grant, *, issuer: str, access_token: str) -> str:
    """The id_token of a grant, behaving as switched."""
    oauth: Oauth = request.app.state.oauth
    how, now, person = vendor.behaviour.proof, int(clock.now().timestamp()), grant.person
    verified: Any = person.email_verified
    claims = {
        "iss": "https://issuer.example" if how == "wrong_iss" else issuer,
        "aud": "another-app" if how == "wrong_aud" else vendor.client_id,
        "sub": person.user_id,
        "iat": now - (2 * _LIFE if how == "expired" else 0),
        "exp": now + (-_LIFE if how == "expired" else _LIFE),
        "at_hash": urlsafe_b64encode(sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode(),
    }
    if grant.nonce:
        claims["nonce"] = "another-nonce" if how == "wrong_nonce" else grant.nonce
    if person.email:
        as_word = vendor.behaviour.email_verified_as == "word"
        claims |= {"email": person.email, "email_verified": str(verified).lower() if as_word else verified}
    if person.name and vendor.name == "google":
        claims["name"] = person.name
    return oauth.keys.sign(vendor.name, claims, how)


def refused(vendor: Vendor, asked: dict[str, str], error: str, status: int = 400) -> JSONResponse:
    """An error of a token endpoint (RFC 6749 §5.2)."""
    vendor.note("token", asked, error)
    return JSONResponse({"error": error}, status_code=status)
