"""QQ Connect. The key of the link is the `openid`, which is of our app; a `unionid` is kept beside it when QQ tells one.

An access token alone proves nothing: one that was given to another app would open the account here as well. So `/me`, which
says for whom a token was made, must name our own client_id. QQ answers JSON when asked (`fmt=json`), but older parts of it
still send JSONP or a query string. It offers neither PKCE nor an id_token, and tells no e-mail address.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from functions.identity.gateways.oauth_base import Away, Declined, ProviderConfig, Reply, Wire, optional, token, word
from functions.identity.providers import Journey, ProviderAccount, Return, shown_name

_JSONP = re.compile(r"\s*callback\(\s*(?P<object>\{.*\})\s*\)\s*;?\s*", re.DOTALL)
_BAD_CODE = frozenset({"100019", "100020"})


class QqConfig(ProviderConfig):
    """`client_id` is the APP ID, `client_secret` the APP Key."""

    base_url: str = "https://graph.qq.com"


class QqGateway:
    """The provider `qq`."""

    def __init__(self, config: QqConfig) -> None:
        self._config = config
        self.redirect_uris = config.redirect_uris
        self._wire = Wire()

    def authorize_url(self, journey: Journey) -> str:
        """The sign-in page."""
        query = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": journey.redirect_uri,
            "state": journey.state,
            "scope": "get_user_info",
        }
        return f"{self._config.base_url}/oauth2.0/authorize?{urlencode(query)}"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        """Exchange the code, ask for whom the token was made, then for the nickname. Raises Away or Declined."""
        granted = self._ask(
            "/oauth2.0/token",
            grant_type="authorization_code",
            client_id=self._config.client_id,
            client_secret=self._config.client_secret,
            code=back.code or "",
            redirect_uri=journey.redirect_uri,
            fmt="json",
        )
        access = token(granted)
        made_for = self._ask("/oauth2.0/me", access_token=access, unionid="1", fmt="json")
        if str(made_for.get("client_id")) != self._config.client_id:
            raise Declined("wrong_client")
        openid = word(made_for, "openid")
        person = self._ask(
            "/user/get_user_info", access_token=access, oauth_consumer_key=self._config.client_id, openid=openid
        )
        return ProviderAccount(
            provider="qq",
            subject=openid,
            union_id=optional(made_for, "unionid"),
            name=shown_name(person.get("nickname")),
            access_token=access,
            refresh_token=optional(granted, "refresh_token"),
        )

    def _ask(self, path: str, **query: str) -> dict[str, Any]:
        said = _read(self._wire.get(self._config.base_url + path, query))
        code = str(said.get("error") or said.get("code") or said.get("ret") or "0")
        if code != "0":
            raise Declined("code_rejected" if code in _BAD_CODE else "refused", code)
        return said


def _read(reply: Reply) -> dict[str, Any]:
    """JSON, JSONP or a query string, whichever this part of QQ speaks. Raises Away for anything else."""
    wrapped = _JSONP.fullmatch(reply.text)
    text = wrapped["object"] if wrapped else reply.text.strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = dict(parse_qsl(text, keep_blank_values=True))
    if not isinstance(said, dict) or not said:
        raise Away("unreadable answer")
    return said
