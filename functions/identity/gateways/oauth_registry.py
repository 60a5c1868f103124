"""Which providers are configured, by the secret `oauth`: `{provider: {client_id, client_secret, …}}` (rules.md §17)."""

import json
import os
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from functions.identity.gateways.apple import AppleConfig, AppleGateway
from functions.identity.gateways.google import GoogleConfig, GoogleGateway
from functions.identity.gateways.oauth_base import NullOauth, OauthGateway
from functions.identity.gateways.qq import QqConfig, QqGateway
from functions.identity.gateways.wechat import WechatConfig, WechatGateway
from functions.identity.gateways.weibo import WeiboConfig, WeiboGateway
from functions.identity.providers import PROVIDERS, Provider
from shared import aws, observe

_KINDS: dict[Provider, Callable[[dict[str, Any]], OauthGateway]] = {
    "wechat": lambda told: WechatGateway(WechatConfig.model_validate(told)),
    "qq": lambda told: QqGateway(QqConfig.model_validate(told)),
    "weibo": lambda told: WeiboGateway(WeiboConfig.model_validate(told)),
    "google": lambda told: GoogleGateway(GoogleConfig.model_validate(told)),
    "apple": lambda told: AppleGateway(AppleConfig.model_validate(told)),
}
_configured: dict[Provider, OauthGateway] = {}


def gateway(provider: Provider) -> OauthGateway:
    """The gateway of a provider; read once per environment, as soon as the secret describes it."""
    if provider not in _configured:
        made = _made(provider, _stored())
        if made is None:
            return NullOauth(provider)
        _configured[provider] = made
    return _configured[provider]


def configured() -> list[Provider]:
    """The providers that the secret describes now, in the order of the contract."""
    stored = _stored()
    return [provider for provider in PROVIDERS if _made(provider, stored) is not None]


def _stored() -> dict[str, Any]:
    text = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_OAUTH"])["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found


def _made(provider: Provider, stored: dict[str, Any]) -> OauthGateway | None:
    told = stored.get(provider)
    if not told:
        return None
    try:
        return _KINDS[provider](told)
    except ValidationError as error:
        missing = [".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False, include_url=False)]
        observe.warn("provider is not fully configured", provider=provider, fields=missing)
        return None


def forget_gateways() -> None:
    """Read the secret again at the next use (tests)."""
    _configured.clear()
