"""Every route against what a hostile or careless client may send: never a 500, every error in the envelope, nothing else."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.identity import keyed, signing
from functions.identity.gateways.oauth_registry import forget_gateways
from infra.manifests import discover
from infra.openapi import document
from shared import aws
from shared.dynamo.sessions import JwksItem
from shared.errors import CODES
from shared.i18n import negotiate
from shared.manifest import HttpFunction
from tests.fixtures.api import JWKS, open_session
from tests.fixtures.gateway import gateway_event
from tests.fixtures.people import make_user
from tests.fixtures.signing import hand_over_signing_key

EXAMPLES = 12
BUILT = {"GET /api/v1/docs", "GET /api/v1/openapi.json"}
"""Files that the build puts beside the code; the end-to-end ring reads them."""
_ALL: list[Any] = [result.ok() for result in schemathesis.openapi.from_dict(deepcopy(document())).get_all_operations()]  # type: ignore[union-attr]  # an invalid document raises
OPERATIONS = {operation.label: operation for operation in _ALL if operation.label not in BUILT}
PROBLEM = {"code", "error", "message", "details", "request_id"}
DEPENDENCIES_AWAY = {(502, "gateway_error"), (503, "service_degraded"), (503, "not_ready")}
"""Refusals that a house without its vendors may rightly give."""


def _function_for(path: str) -> tuple[str, str]:
    served = [
        (route.split("{")[0], manifest.domain, function.name)
        for manifest in discover()
        for function in manifest.functions
        if isinstance(function, HttpFunction)
        for route in function.routes
    ]
    served.sort(key=lambda entry: -len(entry[0]))
    path = path.removeprefix("/api/v1")
    return next((d, n) for prefix, d, n in served if path.startswith(prefix) or f"{path}/" == prefix)


@pytest.fixture
def call(house, cloud, sandbox, monkeypatch) -> Iterator[Callable[..., dict[str, Any]]]:
    monkeypatch.setenv("MAIL_FROM", "no-reply@house.test")
    aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@house.test")
    for vendor in ("alipay", "wechat", "unionpay"):
        aws.client("secretsmanager").put_secret_value(
            SecretId=f"sharestack/test/{vendor}", SecretString=sandbox.secret(vendor)
        )
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/oauth", SecretString=sandbox.secret("oauth"))
    forget_gateways()
    keyed.forget_key()
    signing.forget_key()
    keyed.ensure_key()
    hand_over_signing_key()
    JwksItem("JWKS", "JWKS", jwks=json.dumps(JWKS)).save()
    make_user(house.sql, 100001, "fuzz")
    token = open_session(100001, roles=("creator",), permissions=("*",))

    def send(case: Any, accept: str) -> dict[str, Any]:
        domain, name = _function_for(case.operation.path)
        handler = import_module(f"functions.{domain}.{name}").handler
        sent = case.as_transport_kwargs()
        # A made-up key beside the token would be refused before anything else is looked at.
        headers = {str(k): str(v) for k, v in (case.headers or {}).items() if k.lower() != "x-api-key"} | {
            "authorization": f"Bearer {token}", "accept-language": accept,
        }  # fmt: skip
        body = sent.get("data") or b""
        if sent.get("json") is not None:
            body = json.dumps(sent["json"]).encode()
        if isinstance(body, dict):
            body = urlencode(body)
        if body:
            headers["content-type"] = case.media_type or "application/json"
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        event = gateway_event(
            case.method,
            unquote(case.formatted_path),
            query=case.query,
            headers=headers,
            body=body if isinstance(body, bytes) else b"",
        )
        with house.acting(domain):
            return dict(handler(event, None))

    yield send
    forget_gateways()
    keyed.forget_key()
    signing.forget_key()


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_whatever_is_sent_the_answer_is_one_of_ours(label: str, call) -> None:
    operation = OPERATIONS[label]

    @settings(
        max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), accept=st.sampled_from(["en", "zh-CN"]))
    def holds(case: Any, accept: str) -> None:
        answer = call(case, accept)
        status = answer["statusCode"]
        if status < 400:
            return
        problem = json.loads(answer["body"])
        assert (status, problem["error"]) in DEPENDENCIES_AWAY or status < 500, (status, problem, case.as_curl_command())
        assert set(problem) == PROBLEM
        assert problem["code"] == CODES[problem["error"]]
        chinese = any("\u4e00" <= character <= "\u9fff" for character in problem["message"])
        assert chinese == (negotiate(accept) == "zh-CN"), problem

    holds()
