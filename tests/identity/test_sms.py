import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from functions.identity import send_sms_code
from functions.identity.gateways.sms_aliyun import AliyunSms, NullSms, SmsConfig, SmsRefused, gateway
from functions.identity.letters import Letter
from shared import aws
from tests.fixtures.api import Api
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.identity.conftest import CONTEXT, queued

PHONE = "+8613800138000"
LETTER = Letter("subject", "text", "012345", "zh-CN")


@pytest.fixture
def config(sandbox: Sandbox) -> SmsConfig:
    """The vendor's simulator, which verifies signatures by its own code."""
    return SmsConfig.model_validate(sandbox.http.get("/sms/credentials").json())


@pytest.fixture
def secret(keys: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Fill the secret `sms`."""
    monkeypatch.setenv("SECRET_SMS", "sharestack/test/sms-of-identity")

    def fill(content: dict[str, Any]) -> None:
        aws.client("secretsmanager").create_secret(Name="sharestack/test/sms-of-identity", SecretString=json.dumps(content))

    return fill


def messages(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.http.get("/_control/sms/messages", params={"to": PHONE}).json()["items"]
    return found


def test_a_code_reaches_the_phone(
    auth_api: Api, sandbox: Sandbox, config: SmsConfig, secret: Callable[[dict[str, Any]], None]
) -> None:
    secret(config.model_dump())
    before = len(messages(sandbox))
    auth_api.post("/auth/verification-codes", {"channel": "sms", "target": PHONE, "purpose": "register"})
    records = {"Records": queued("sms")}
    assert send_sms_code.handler(records, CONTEXT) == {"batchItemFailures": []}
    assert send_sms_code.handler(records, CONTEXT) == {"batchItemFailures": []}
    assert len(messages(sandbox)) == before + 1
    code = messages(sandbox)[0]["params"]["code"]
    body = {"phone": PHONE, "code": code, "password": "correct horse 1", "agree_terms": True}
    assert auth_api.post("/auth/register", body).data["user"]["phone_verified"] is True


def test_each_language_has_its_template(sandbox: Sandbox, config: SmsConfig) -> None:
    sms = AliyunSms(config.model_copy(update={"template_codes": {"zh-CN": "SMS_中文 1", "en": "SMS_2"}}))
    sms.send(PHONE, LETTER)
    assert messages(sandbox)[0]["template"] == "SMS_中文 1"
    sms.send(PHONE, Letter("subject", "text", "012345", "en"))
    assert messages(sandbox)[0]["template"] == "SMS_2"


def test_what_the_vendor_refuses_is_an_error_even_in_a_200(sandbox: Sandbox, config: SmsConfig) -> None:
    sandbox.behave(vendor="sms", send="isv.BUSINESS_LIMIT_CONTROL")
    with pytest.raises(SmsRefused, match=r"isv\.BUSINESS_LIMIT_CONTROL"):
        AliyunSms(config).send(PHONE, LETTER)


def test_a_vendor_that_is_away_is_tried_again(sandbox: Sandbox, config: SmsConfig) -> None:
    sandbox.behave(vendor="sms", gateway="down")
    with pytest.raises(SmsRefused):
        AliyunSms(config).send(PHONE, LETTER)
    with pytest.raises(httpx.ConnectError):
        AliyunSms(config.model_copy(update={"endpoint": "http://127.0.0.1:9"})).send(PHONE, LETTER)


def test_a_wrong_key_is_refused(config: SmsConfig) -> None:
    with pytest.raises(SmsRefused, match="SignatureDoesNotMatch"):
        AliyunSms(config.model_copy(update={"access_key_secret": "theirs"})).send(PHONE, LETTER)


def test_a_lost_answer_is_not_repeated_for_the_message_may_have_gone_out(merchant: Merchant, config: SmsConfig) -> None:
    merchant.answers.append((-1, b""))
    AliyunSms(config.model_copy(update={"endpoint": merchant.url.removesuffix("/notify")})).send(PHONE, LETTER)


def test_without_a_vendor_nothing_is_sent_and_nothing_fails(secret: Callable[[dict[str, Any]], None]) -> None:
    secret({"unset": "x"})
    assert isinstance(gateway(), NullSms)
    gateway().send(PHONE, LETTER)


def test_a_vendor_configured_later_is_found_without_a_new_environment(
    config: SmsConfig, secret: Callable[[dict[str, Any]], None]
) -> None:
    secret({})
    assert isinstance(gateway(), NullSms)
    content = config.model_dump_json()
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/sms-of-identity", SecretString=content)
    assert isinstance(gateway(), AliyunSms)
