"""WeChat for websites (QR code on open.weixin.qq.com). Errors arrive inside an HTTP 200.

A person's `openid` differs per app, `unionid` is one for all apps of a developer account, so that is the key of the link.
An app outside any developer account has none; then the `openid` is the key, until a `unionid` comes and replaces it.
WeChat offers neither PKCE nor an id_token, and tells no e-mail address.
"""

from typing import Any
from urllib.parse import urlencode

from functions.identity.gateways.oauth_base import Away, Declined, ProviderConfig, Wire, optional, token, word
from functions.identity.providers import Journey, ProviderAccount, Return, shown_name

_BUSY = -1
_BAD_CODE = frozenset({40029, 40163, 41008, 42003})


class WechatConfig(ProviderConfig):
    """`client_id` is the appid, `client_secret` the app secret."""

    authorize_url: str = "https://open.weixin.qq.com/connect/qrconnect"
    api_url: str = "https://api.weixin.qq.com"


class WechatGateway:
    """The provider `wechat`."""

    def __init__(self, config: WechatConfig) -> None:
        self._config = config
        self.redirect_uris = config.redirect_uris
        self._wire = Wire()

    def authorize_url(self, journey: Journey) -> str:
        """The page with the QR code."""
        query = {
            "appid": self._config.client_id,
            "redirect_uri": journey.redirect_uri,
            "response_type": "code",
            "scope": "snsapi_login",
            "state": journey.state,
        }
        return f"{self._config.authorize_url}?{urlencode(query)}#wechat_redirect"

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:  # noqa: ARG002 - nothing of it is asked for
        """Exchange the code, then ask who that is. Raises Away or Declined."""
        granted = self._ask(
            "/sns/oauth2/access_token",
            appid=self._config.client_id,
            secret=self._config.client_secret,
            code=back.code or "",
            grant_type="authorization_code",
        )
        openid = word(granted, "openid")
        person = self._ask("/sns/userinfo", access_token=token(granted), openid=openid, lang="zh_CN")
        if person.get("openid") != openid:
            raise Declined("wrong_person")
        unionid = optional(person, "unionid") or optional(granted, "unionid")
        return ProviderAccount(
            provider="wechat",
            subject=unionid or openid,
            former_subject=openid if unionid else None,
            union_id=unionid,
            name=shown_name(person.get("nickname")),
            access_token=granted["access_token"],
            refresh_token=optional(granted, "refresh_token"),
        )

    def _ask(self, path: str, **query: str) -> dict[str, Any]:
        said = self._wire.get(self._config.api_url + path, query).json
        code = said.get("errcode", 0)
        if code == _BUSY:
            raise Away("busy")
        if code != 0:
            raise Declined("code_rejected" if code in _BAD_CODE else "refused", code)
        return said
