"""Sign in with Apple: form posts, and a client secret that is a JWT."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.oauth.door import authorize, vendor_of
from infra.local.sandbox.oauth.keys import TEAM_ID
from infra.local.sandbox.oauth.oidc import id_token, refused
from infra.local.sandbox.web import fields
from shared import clock

ISSUER = "https://appleid.apple.com"
_LONGEST_SECRET = 15_777_000


async def token(request: Request) -> Response:
    """`/auth/token`."""
    vendor, asked = vendor_of(request), await fields(request)
    grant = vendor.find(asked.get("code", ""))
    if vendor.behaviour.gateway == "down":
        return Response(status_code=503)
    secret = request.app.state.oauth.keys.apple_secret_claims(asked.get("client_secret", ""))
    if asked.get("client_id") != vendor.client_id or not _proves(secret, vendor.client_id):
        return refused(vendor, asked, "invalid_client")
    if grant is None or not vendor.is_live(grant) or asked.get("grant_type") != "authorization_code":
        return refused(vendor, asked, "invalid_grant")
    if asked.get("redirect_uri") != grant.redirect_uri:
        return refused(vendor, asked, "invalid_grant")
    access = vendor.token(grant)
    vendor.note("token", asked, "ok")
    return JSONResponse(
        {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": secrets.token_urlsafe(24),
            "id_token": id_token(request, vendor, grant, issuer=ISSUER, access_token=access),
        }
    )


async def keys(request: Request) -> Response:
    """`/auth/keys`."""
    if vendor_of(request).behaviour.gateway == "down":
        return Response(status_code=503)
    return JSONResponse(request.app.state.oauth.keys.jwks("apple"))


def _proves(secret: dict[str, Any] | None, client_id: str) -> bool:
    now = clock.now().timestamp()
    return (
        secret is not None
        and (secret.get("iss"), secret.get("sub"), secret.get("aud")) == (TEAM_ID, client_id, ISSUER)
        and secret.get("iat", now + 1) <= now < secret.get("exp", 0) <= now + _LONGEST_SECRET
    )


ROUTES = [
    Route("/oauth/apple/auth/authorize", authorize),
    Route("/oauth/apple/auth/token", token, methods=["POST"]),
    Route("/oauth/apple/auth/keys", keys),
]
