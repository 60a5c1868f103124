"""Clients are told which providers are configured by a function that alone reads their secret."""

import json
from typing import Any

import pytest

from functions.identity import publish_providers
from functions.platform.http import handler
from shared import aws
from shared.dynamo import providers
from tests.fixtures.postgres import House


@pytest.fixture(autouse=True)
def _forget() -> Any:
    providers.forget()
    yield
    providers.forget()


def run(house: House, secret: dict[str, Any]) -> int:
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/oauth", SecretString=json.dumps(secret))
    with house.acting("identity"):
        return int(publish_providers.handler({}, None)["done"])


def test_clients_are_offered_what_the_secret_describes(api: Any, house: House) -> None:
    platform = api(handler, "platform")

    def offered() -> list[str]:
        providers.forget()
        found: list[str] = platform.get("/config/client").data["oauth_providers"]
        return found

    google = {"client_id": "g", "client_secret": "s"}
    assert run(house, {"unset": "random"}) == 0
    assert offered() == []
    assert run(house, {"google": google, "wechat": {"client_id": "half"}}) == 1
    assert offered() == ["google"]
    assert run(house, {"google": google, "wechat": {"client_id": "w", "client_secret": "s"}}) == 1
    assert run(house, {"google": google, "wechat": {"client_id": "w", "client_secret": "s"}}) == 0
    assert offered() == ["wechat", "google"]
    assert run(house, {}) == 1
    assert offered() == []
