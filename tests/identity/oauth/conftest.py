"""People who sign in with a provider: the product's function, the simulators, and a browser in between."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from functions.identity import oauth
from functions.identity.gateways.oauth_registry import forget_gateways
from shared import aws
from shared.breaker import forget_breakers
from tests.fixtures.api import Api, Handler, Reply
from tests.fixtures.sandbox import Sandbox

REGISTERED = "https://app.example/signed-in"
PROVIDERS = ("wechat", "qq", "weibo", "google", "apple")


def forget() -> None:
    forget_gateways()
    forget_breakers()


def configure(content: dict[str, Any]) -> None:
    """Fill the secret `oauth`."""
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/oauth", SecretString=json.dumps(content))
    forget()


@pytest.fixture
def providers(keys: None, sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    """All five, configured for the simulators."""
    told: dict[str, Any] = json.loads(sandbox.secret("oauth"))
    configure({name: app | {"redirect_uris": [REGISTERED]} for name, app in told.items()})
    yield told
    forget()


@pytest.fixture
def oauth_api(api: Callable[[Handler, str], Api], keys: None) -> Api:
    """The function that waits for providers."""
    return api(oauth.handler, "identity")


@dataclass
class Browser:
    """One person's browser: goes where the product sends it, agrees at the provider, and comes back."""

    api: Api
    sandbox: Sandbox

    def begin(self, provider: str, *, token: str | None = None, **query: str) -> dict[str, Any]:
        """Ask the product where to go."""
        data: dict[str, Any] = self.api.get(f"/auth/oauth/{provider}", token=token, query=query).data
        return data

    def answer(self, provider: str, address: str, **told: Any) -> dict[str, str]:
        """Agree (or `deny=True`) at the provider; what it sends the browser back with."""
        reply = self.sandbox.control(f"oauth/{provider}", "approve", {"authorize_url": address} | told)
        shown = reply.raise_for_status().json()
        return dict(shown["form"] or parse_qsl(urlsplit(shown["url"]).query))

    def back(self, provider: str, brought: dict[str, str], **options: Any) -> Reply:
        """Come back to the product's callback."""
        path = f"/auth/oauth/{provider}/callback"
        if provider == "apple":
            return self.api.post(path, form=urlencode(brought), **options)
        return self.api.get(path, query=brought, **options)

    def sign_in(self, provider: str, user_id: str = "ann", **person: Any) -> Reply:
        """The whole way."""
        address = self.begin(provider)["authorize_url"]
        return self.back(provider, self.answer(provider, address, user_id=user_id, **person))

    def bind(self, provider: str, token: str, user_id: str = "ann", **person: Any) -> Reply:
        """The whole way to a binding; the way back carries the token too, as a page of ours would send it."""
        address = self.begin(provider, token=token, scene="bind")["authorize_url"]
        return self.back(provider, self.answer(provider, address, user_id=user_id, **person), token=token)


@pytest.fixture
def browser(oauth_api: Api, sandbox: Sandbox, providers: dict[str, Any]) -> Browser:
    return Browser(oauth_api, sandbox)


def query_of(address: str) -> dict[str, str]:
    """The query of an address, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


def told_in(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, fields and tracebacks included."""
    return "\n".join(f"{vars(record)} {record.exc_text}" for record in caplog.records)
