"""Google: OpenID Connect with PKCE (S256) and a nonce. The key of the link is `sub`; an address can change its owner."""

from typing import Any
from urllib.parse import urlencode

from functions.identity.gateways.id_tokens import IdTokens
from functions.identity.gateways.oauth_base import Declined, ProviderConfig, Reply, Wire, optional, token, word
from functions.identity.models import email_of
from functions.identity.providers import Journey, ProviderAccount, Return, shown_name

ISSUERS = frozenset({"accounts.google.com", "https://accounts.google.com"})


class GoogleConfig(ProviderConfig):
    """`client_id` and `client_secret` of a web application."""

    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"


class GoogleGateway:
    """The provider `google`."""

    def __init__(self, config: GoogleConfig) -> None:
        self._config = config
        self.redirect_uris = config.redirect_uris
        self._wire = Wire()
        self._id_tokens = IdTokens(self._wire, config.jwks_url, ISSUERS, config.client_id)

    def authorize_url(self, journey: Journey) -> str:
        """The sign-in page."""
        query = {
            "client_id": self._config.client_id,
            "redirect_uri": journey.redirect_uri,
            "response_type": "code",
            "scope": "openid email profile",
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": journey.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._config.authorize_url}?{urlencode(query)}"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        """Exchange the code and believe the id_token. Raises Away or Declined."""
        form = {
            "grant_type": "authorization_code",
            "code": back.code or "",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
            "redirect_uri": journey.redirect_uri,
            "code_verifier": journey.verifier,
        }
        granted = granted_tokens(self._wire.post(self._config.token_url, form))
        access = token(granted)
        claims = self._id_tokens.claims(token(granted, "id_token"), nonce=journey.nonce, access_token=access)
        return ProviderAccount(
            provider="google",
            subject=word(claims, "sub"),
            email=verified_email(claims),
            name=shown_name(claims.get("name")),
            access_token=access,
            refresh_token=optional(granted, "refresh_token"),
        )


def granted_tokens(reply: Reply) -> dict[str, Any]:
    """The answer of a token endpoint (RFC 6749 §5). Raises Declined with its error."""
    said = reply.json
    if "error" in said:
        raise Declined("code_rejected" if said["error"] == "invalid_grant" else "refused", said["error"])
    return said


def verified_email(claims: dict[str, Any]) -> str | None:
    """The address the provider vouches for. `email_verified` is a boolean, or with Apple sometimes the word "true"."""
    email = claims.get("email")
    if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
        return None
    return email_of(email)
