"""The SMS sink: Alibaba Cloud's signature to the letter, and messages people can read."""

import hashlib
import hmac
import json
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from infra.local.sandbox.sms import acs3
from shared import clock
from tests.fixtures.sandbox import Sandbox

EMPTY = hashlib.sha256(b"").hexdigest()


def test_the_vendors_published_example_gives_its_published_signature():
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-version": "2014-05-26",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-content-sha256": EMPTY,
    }
    query = urlencode({"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"})

    canonical = acs3.canonical_request("POST", "/", query, headers, sorted(headers))
    signature = acs3.signature(canonical, "YourAccessKeySecret")

    assert (
        hashlib.sha256(canonical.encode()).hexdigest() == "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    )
    assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    claim = f"ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    secrets = {"YourAccessKeyId": "YourAccessKeySecret"}
    asked = headers | {"authorization": claim}
    assert acs3.fault("POST", "/", query, asked, b"", secrets=secrets) is None
    assert acs3.fault("POST", "/", query + "&X=", asked, b"", secrets=secrets) == "SignatureDoesNotMatch"
    assert acs3.fault("POST", "/", query, asked, b"x", secrets=secrets) == "InvalidContentSha256"
    assert acs3.fault("POST", "/", query, asked, b"", secrets={}) == "InvalidAccessKeyId.NotFound"
    assert acs3.fault("POST", "/", query, headers, b"", secrets=secrets) == "MissingAuthorization"


def send(sandbox: Sandbox, *, break_signature: bool = False, **changes: str):
    """Sign as the vendor's documentation says, with code of the test's own."""
    told = sandbox.http.get("/sms/credentials").json()
    query = {
        "PhoneNumbers": "13800138000",
        "SignName": told["sign_name"],
        "TemplateCode": "SMS_LOGIN",
        "TemplateParam": '{"code":"123456"}',
    } | {name: value for name, value in changes.items() if not name.startswith("x_")}
    headers = {
        "host": told["endpoint"].split("/")[2],
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid4().hex,
        "x-acs-version": "2017-05-25",
    } | {name.replace("_", "-"): value for name, value in changes.items() if name.startswith("x_")}
    canonical = "\n".join(
        [
            "POST",
            "/",
            "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query)),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            EMPTY,
        ]
    )
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    secret = told["access_key_secret"] + ("x" if break_signature else "")
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={told['access_key_id']},SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    )
    return sandbox.http.post(f"{told['endpoint']}?{urlencode(query)}", headers=headers)


def texts(sandbox: Sandbox, to: str):
    return sandbox.http.get("/_control/sms/messages", params={"to": to}).json()["items"]


def phone() -> str:
    """A number no other test texts."""
    return "138" + str(uuid4().int)[:8]


def test_a_signed_message_can_be_read_newest_first(sandbox):
    to = phone()
    assert send(sandbox, PhoneNumbers=to).json()["Code"] == "OK"
    assert send(sandbox, PhoneNumbers=f"{to},{phone()}", TemplateParam=json.dumps({"code": "65 4321*~", "名": "王"})).json()[
        "BizId"
    ]

    newest, oldest = texts(sandbox, to)

    assert (newest["to"], oldest["params"]) == (to, {"code": "123456"})
    assert "123456" in oldest["text"]
    assert "65 4321*~" in newest["text"]
    assert newest["sent_at"] > oldest["sent_at"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"break_signature": True}, "SignatureDoesNotMatch"),
        ({"x_acs_action": "SendBatchSms"}, "InvalidAction.NotFound"),
        ({"x_acs_date": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"x_acs_date": "yesterday"}, "InvalidTimeStamp.Format"),
    ],
)
def test_a_request_that_is_not_the_accounts_is_turned_away(sandbox, changes, code):
    to = phone()
    answer = send(sandbox, PhoneNumbers=to, **changes)

    assert (answer.status_code, answer.json()["Code"]) == (400, code)
    assert texts(sandbox, to) == []


def test_a_request_is_good_once(sandbox):
    nonce = uuid4().hex

    assert send(sandbox, x_acs_signature_nonce=nonce).json()["Code"] == "OK"
    assert send(sandbox, x_acs_signature_nonce=nonce).json()["Code"] == "SignatureNonceUsed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PhoneNumbers": ""}, "isv.INVALID_PARAMETERS"),
        ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateCode": ""}, "isv.SMS_TEMPLATE_ILLEGAL"),
    ],
)
def test_an_error_of_the_account_arrives_in_a_200(sandbox, changes, code):
    answer = send(sandbox, **changes)

    assert (answer.status_code, answer.json()["Code"]) == (200, code)


def test_the_vendor_can_be_told_to_refuse_a_phone_or_to_be_away(sandbox):
    to = phone()
    sandbox.behave(vendor="sms", send="isv.BUSINESS_LIMIT_CONTROL", order_no=to)
    assert send(sandbox, PhoneNumbers=to).json()["Code"] == "isv.BUSINESS_LIMIT_CONTROL"
    sandbox.behave(vendor="sms", gateway="down")
    assert send(sandbox).status_code == 503
    sandbox.behave(vendor="sms", reset=True)
    assert send(sandbox, PhoneNumbers=to).json()["Code"] == "OK"
    assert [item["response"]["Code"] for item in sandbox.requests(vendor="sms")[:2]] == ["OK", "isv.BUSINESS_LIMIT_CONTROL"]


def test_the_front_page_lists_vendors_switches_trades_and_messages(sandbox):
    to = phone()
    send(sandbox, PhoneNumbers=to)
    sandbox.behave(notify="late", order_no="<b>")

    front = sandbox.http.get("/").text

    assert to in front
    assert "支付宝 Alipay" in front
    assert "&lt;b&gt;: notify=late" in front
    assert "<b>" not in front
