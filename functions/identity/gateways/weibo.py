"""Weibo. The key of the link is its `uid`; `get_token_info` must say that the token was made for our own appkey.

Weibo offers neither PKCE nor an id_token, and tells no e-mail address.
"""

from typing import Any
from urllib.parse import urlencode

from functions.identity.gateways.oauth_base import Declined, ProviderConfig, Reply, Wire, optional, token, word
from functions.identity.providers import Journey, ProviderAccount, Return, shown_name

_BAD_CODE = frozenset({21325, 21327})


class WeiboConfig(ProviderConfig):
    """`client_id` is the App Key, `client_secret` the App Secret."""

    base_url: str = "https://api.weibo.com"


class WeiboGateway:
    """The provider `weibo`."""

    def __init__(self, config: WeiboConfig) -> None:
        self._config = config
        self.redirect_uris = config.redirect_uris
        self._wire = Wire()

    def authorize_url(self, journey: Journey) -> str:
        """The sign-in page."""
        query = {
            "client_id": self._config.client_id,
            "response_type": "code",
            "redirect_uri": journey.redirect_uri,
            "state": journey.state,
        }
        return f"{self._config.base_url}/oauth2/authorize?{urlencode(query)}"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        """Exchange the code, ask for whom the token was made, then for the nickname. Raises Away or Declined."""
        base = self._config.base_url
        form = {
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
            "grant_type": "authorization_code",
            "code": back.code or "",
            "redirect_uri": journey.redirect_uri,
        }
        granted = _said(self._wire.post(f"{base}/oauth2/access_token", form))
        access = token(granted)
        made_for = _said(self._wire.post(f"{base}/oauth2/get_token_info", {"access_token": access}))
        if str(made_for.get("appkey")) != self._config.client_id:
            raise Declined("wrong_client")
        uid = word(made_for, "uid")
        if word(granted, "uid") != uid:
            raise Declined("wrong_person")
        person = _said(self._wire.get(f"{base}/2/users/show.json", {"access_token": access, "uid": uid}))
        return ProviderAccount(
            provider="weibo",
            subject=uid,
            name=shown_name(person.get("screen_name")),
            access_token=access,
            refresh_token=optional(granted, "refresh_token"),
        )


def _said(reply: Reply) -> dict[str, Any]:
    said = reply.json
    code = said.get("error_code")
    if code or "error" in said:
        raise Declined("code_rejected" if code in _BAD_CODE else "refused", code)
    return said
