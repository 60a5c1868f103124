"""Sign in with Apple: OpenID Connect with a nonce; comes back as a form post. The key of the link is `sub`.

The client secret is a JWT we sign (ES256) with the key of the developer account, made anew for each call. The name travels
once, at the very first sign-in, in the form field `user`: through the browser, unsigned, so it is good for a display name
and nothing else. An id_token in that form came the same way and is not looked at; the one from the token endpoint counts.
"""

import json
from urllib.parse import urlencode

from jose import jwt

from functions.identity.gateways.google import granted_tokens, verified_email
from functions.identity.gateways.id_tokens import IdTokens
from functions.identity.gateways.oauth_base import ProviderConfig, Wire, optional, token, word
from functions.identity.providers import Journey, ProviderAccount, Return, shown_name
from shared import clock

ISSUER = "https://appleid.apple.com"
_SECRET_SECONDS = 300


class AppleConfig(ProviderConfig):
    """`client_id` is the services id; `private_key` (PEM), `key_id` and `team_id` make the client secret."""

    client_secret: str = ""
    team_id: str
    key_id: str
    private_key: str
    base_url: str = ISSUER


class AppleGateway:
    """The provider `apple`."""

    def __init__(self, config: AppleConfig) -> None:
        self._config = config
        self.redirect_uris = config.redirect_uris
        self._wire = Wire()
        self._id_tokens = IdTokens(self._wire, f"{config.base_url}/auth/keys", frozenset({ISSUER}), config.client_id)

    def authorize_url(self, journey: Journey) -> str:
        """The sign-in page. Asking for name or e-mail demands `form_post`."""
        query = {
            "client_id": self._config.client_id,
            "redirect_uri": journey.redirect_uri,
            "response_type": "code",
            "response_mode": "form_post",
            "scope": "name email",
            "state": journey.state,
            "nonce": journey.nonce,
        }
        return f"{self._config.base_url}/auth/authorize?{urlencode(query)}"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        """Exchange the code and believe the id_token. Raises Away or Declined."""
        form = {
            "grant_type": "authorization_code",
            "code": back.code or "",
            "client_id": self._config.client_id,
            "client_secret": self.client_secret(),
            "redirect_uri": journey.redirect_uri,
        }
        granted = granted_tokens(self._wire.post(f"{self._config.base_url}/auth/token", form))
        access = token(granted)
        claims = self._id_tokens.claims(token(granted, "id_token"), nonce=journey.nonce, access_token=access)
        return ProviderAccount(
            provider="apple",
            subject=word(claims, "sub"),
            email=verified_email(claims),
            name=_name_of(back.user),
            access_token=access,
            refresh_token=optional(granted, "refresh_token"),
        )

    def client_secret(self) -> str:
        """A JWT of five minutes that proves us to Apple."""
        issued = int(clock.now().timestamp())
        claims = {
            "iss": self._config.team_id,
            "sub": self._config.client_id,
            "aud": ISSUER,
            "iat": issued,
            "exp": issued + _SECRET_SECONDS,
        }
        return str(jwt.encode(claims, self._config.private_key, "ES256", headers={"kid": self._config.key_id}))


def _name_of(user: str | None) -> str | None:
    """The name in `{"name": {"firstName", "lastName"}, "email"}`; whatever else a browser sends is no name."""
    try:
        name = json.loads(user or "{}")["name"]
        return shown_name(" ".join(name[part] for part in ("firstName", "lastName") if name.get(part)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
