"""Google's OpenID Connect, PKCE included."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.oauth.door import authorize, vendor_of
from infra.local.sandbox.oauth.oidc import id_token, refused
from infra.local.sandbox.web import fields


async def token(request: Request) -> Response:
    """`/token`."""
    vendor, asked = vendor_of(request), await fields(request)
    grant = vendor.find(asked.get("code", ""))
    if vendor.behaviour.gateway == "down":
        return Response(status_code=503)
    if (asked.get("client_id"), asked.get("client_secret")) != (vendor.client_id, vendor.client_secret):
        return refused(vendor, asked, "invalid_client", 401)
    if grant is None or not vendor.is_live(grant) or asked.get("grant_type") != "authorization_code":
        return refused(vendor, asked, "invalid_grant")
    if asked.get("redirect_uri") != grant.redirect_uri:
        return refused(vendor, asked, "redirect_uri_mismatch")
    digest = sha256(asked.get("code_verifier", "").encode()).digest()
    if grant.challenge and urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
        return refused(vendor, asked, "invalid_grant")
    access = vendor.token(grant)
    vendor.note("token", asked, "ok")
    made = id_token(request, vendor, grant, issuer="https://accounts.google.com", access_token=access)
    return JSONResponse(
        {
            "access_token": access,
            "expires_in": 3599,
            "token_type": "Bearer",
            "scope": "openid email profile",
            "id_token": made,
        }
    )


async def certs(request: Request) -> Response:
    """`/oauth2/v3/certs`."""
    if vendor_of(request).behaviour.gateway == "down":
        return Response(status_code=503)
    return JSONResponse(request.app.state.oauth.keys.jwks("google"))


ROUTES = [
    Route("/oauth/google/o/oauth2/v2/auth", authorize),
    Route("/oauth/google/token", token, methods=["POST"]),
    Route("/oauth/google/oauth2/v3/certs", certs),
]
