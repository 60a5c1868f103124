"""Our SMS client and our simulator against the vendor's own SDK: what one signs the other believes, both ways."""

import json
import socketserver
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_dysmsapi20170525.client import Client as VendorClient
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_openapi.utils import Utils

from functions.identity.gateways.sms_aliyun import AliyunSms, SmsConfig
from functions.identity.letters import Letter
from tests.fixtures.sandbox import Sandbox

PHONE = "+8613800138000"
LETTER = Letter("subject", "text", "012345", "zh-CN")
_SIGNED = {"host", "content-type"}


class Sink(socketserver.ThreadingTCPServer):
    """Takes whatever is sent, says OK, and remembers it."""

    allow_reuse_address = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))
        body = json.dumps({"Code": "OK", "Message": "OK", "RequestId": "1", "BizId": "1"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("sign_name", ["ShareStack", "分享 栈*~'()"])
def test_the_vendors_sdk_signs_our_request_as_we_do(sink: Sink, sign_name: str) -> None:
    endpoint = f"http://127.0.0.1:{sink.server_address[1]}"
    config = SmsConfig(endpoint=endpoint, access_key_id="LTAI5t", access_key_secret="s3cret", sign_name=sign_name)
    AliyunSms(config).send(PHONE, LETTER)
    ((method, path, headers),) = sink.requests
    query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    request = type("Request", (), {"method": method, "pathname": "/", "query": query, "headers": {
        name: value for name, value in headers.items() if name.startswith("x-acs-") or name in _SIGNED
    }})()  # fmt: skip
    theirs = Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], config.access_key_id, config.access_key_secret
    )

    def part(text: str, name: str) -> str:
        return next(
            one.split("=", 1)[1] for one in text.removeprefix("ACS3-HMAC-SHA256 ").split(",") if one.startswith(name)
        )

    assert set(part(headers["authorization"], "SignedHeaders").split(";")) == set(part(theirs, "SignedHeaders").split(";"))
    assert part(headers["authorization"], "Signature") == part(theirs, "Signature")


def test_the_vendors_sdk_is_believed_by_our_simulator_and_a_wrong_key_is_not(sandbox: Sandbox) -> None:
    told = sandbox.http.get("/sms/credentials").json()

    def send(secret: str) -> str:
        client = VendorClient(
            Config(
                access_key_id=told["access_key_id"],
                access_key_secret=secret,
                endpoint=told["endpoint"].removeprefix("http://"),
                protocol="HTTP",
            )
        )
        wanted = SendSmsRequest(
            phone_numbers=PHONE,
            sign_name=told["sign_name"],
            template_code="SMS_ONE_TIME_CODE",
            template_param=json.dumps({"code": "098765"}),
        )
        return str(client.send_sms(wanted).body.code)

    assert send(told["access_key_secret"]) == "OK"
    newest = sandbox.http.get("/_control/sms/messages", params={"to": PHONE}).json()["items"][0]
    assert newest["params"] == {"code": "098765"}
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        send("theirs")
