"""The front door, with one fake server in place of everything behind it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.frontdoor.app import create_app
from infra.local.settings import Local

Ask = Callable[..., httpx.Response]
API = "/_aws/execute-api/abc123/$default"
LOGIN = {"role": "admin", "email": "admin@sharestack.local", "password": "<secret>", "totp_secret": "ABC"}
MAILS = {
    "messages": {
        "000000000000": [
            {"To": ["ann@example.com"], "Subject": "old", "BodyText": "1", "BodyHtml": None, "Timestamp": 1_790_000_000.0},
            {"To": ["Ann@Example.com", "bob@example.com"], "Subject": "new", "BodyText": "", "BodyHtml": "<b>2</b>",
             "Timestamp": 1_790_000_100.5},
        ]
    }
}  # fmt: skip


async def echo(request: Request) -> Response:
    """Whatever lies behind answers with what reached it."""
    if request.url.path == "/_ministack/ses/messages":
        return JSONResponse(MAILS)
    if request.url.path.endswith("/missing.webp"):
        return Response("<Error/>", 403)
    body = await request.body()
    answer = JSONResponse(
        {
            "port": request.url.port,
            "method": request.method,
            "raw": (request.scope["raw_path"] + b"?" + request.scope["query_string"]).decode(),
            "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
            "body": body.hex(),
        },
        status_code=418,
    )
    answer.headers.append("set-cookie", "a=1")
    answer.headers.append("set-cookie", "b=2")
    answer.headers["connection"] = "keep-alive"
    return answer


@pytest.fixture
def local(tmp_path: Path) -> Local:
    local = Local(port=8000, emulator_port=4566, sandbox_port=8010, state=tmp_path)
    local.outputs.write_text(json.dumps({
        "sharestack-local-foundation": {"ApiId": "abc123", "BucketMediaPublic": "pictures"}, "other": {"Functions": "{}"},
    }))  # fmt: skip
    local.seed.write_text(json.dumps({"logins": [LOGIN], "ids": {"plan": 1}}))
    return local


def asker(local: Local, behind: httpx.AsyncBaseTransport) -> Ask:
    async def ask(method: str, path: str, **how: Any) -> httpx.Response:
        front = httpx.ASGITransport(create_app(local, behind), client=("203.0.113.9", 5000))
        async with httpx.AsyncClient(transport=front, base_url="http://127.0.0.1:8000") as client:
            return await client.request(method, path, **how)

    return lambda method, path, **how: asyncio.run(ask(method, path, **how))


@pytest.fixture
def ask(local: Local) -> Ask:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return asker(local, httpx.ASGITransport(Starlette(routes=[Route("/{path:path}", echo, methods=methods)])))


@pytest.fixture
def ask_into_the_void(local: Local) -> Ask:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    return asker(local, httpx.MockTransport(refuse))


def test_the_api_gets_path_query_and_body_byte_for_byte(ask):
    told = ask("PATCH", "/api/v1/%E4%B8%AD/a%2Fb?q=%20x&q=&n=1+1", content=b"\x00\xff").json()

    assert told["port"] == 4566
    assert told["method"] == "PATCH"
    assert told["raw"] == f"{API}/api/v1/%E4%B8%AD/a%2Fb?q=%20x&q=&n=1+1"
    assert told["body"] == "00ff"


def test_the_answer_comes_back_with_its_status_and_both_cookies(ask):
    answer = ask("GET", "/api/v1/x")

    assert answer.status_code == 418
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "connection" not in answer.headers


def test_the_caller_s_address_is_added_behind_those_already_named(ask):
    headers = dict(ask("GET", "/api/v1/x", headers={"X-Forwarded-For": "198.51.100.1", "X-Own": "1"}).json()["headers"])

    assert headers["x-forwarded-for"] == "198.51.100.1, 203.0.113.9"
    assert headers["x-own"] == "1"
    assert headers["host"] == "127.0.0.1:4566"


def test_a_request_without_body_is_passed_on_without_one(ask):
    headers = dict(ask("DELETE", "/api/v1/x").json()["headers"])

    assert "transfer-encoding" not in headers
    assert "content-length" not in headers


def test_docs_are_served_in_place_and_the_root_leads_to_them(ask):
    assert ask("GET", "/docs").json()["raw"].startswith(f"{API}/api/v1/docs")
    assert ask("GET", "/").headers["location"] == "/docs"


def test_media_come_from_the_public_bucket_under_a_signature(ask):
    told = ask("GET", "/media/covers/%E5%9B%BE.webp", headers={"Range": "bytes=0-1", "Cookie": "secret"}).json()

    path, _, query = told["raw"].partition("?")
    assert path == "/pictures/covers/%E5%9B%BE.webp"
    assert "X-Amz-Signature" in query or "Signature=" in query
    assert ["range", "bytes=0-1"] in told["headers"]
    assert not [name for name, _ in told["headers"] if name == "cookie"]


def test_a_missing_picture_is_not_found_not_forbidden(ask):
    answer = ask("GET", "/media/missing.webp")

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_before_the_first_deployment_the_api_is_unavailable_in_the_envelope(ask, local):
    local.outputs.unlink()

    answer = ask("GET", "/api/v1/x", headers={"Accept-Language": "en"})

    assert answer.status_code == 503
    assert answer.json()["error"] == "service_degraded"
    assert answer.json()["message"] == "The service is temporarily unavailable"
    assert answer.json()["request_id"]


@pytest.mark.parametrize(
    "path", ["/api/v1/x", "/docs", "/media/a", "/_local/mail", "/_local/sms", "/_local/sandbox/alipay/requests"]
)
def test_when_nobody_answers_behind_it_says_so_in_the_envelope(ask_into_the_void, path):
    answer = ask_into_the_void("GET", path)

    assert (answer.status_code, answer.json()["error"]) == (503, "service_degraded")


def test_an_unknown_path_or_method_is_refused_in_the_envelope(ask):
    assert ask("GET", "/nowhere").json()["error"] == "not_found"
    assert ask("DELETE", "/_local/clock").json()["error"] == "method_not_allowed"


def test_mails_are_listed_newest_first_one_for_each_recipient(ask):
    items = ask("GET", "/_local/mail").json()["items"]

    assert [(item["to"], item["subject"]) for item in items] == [
        ("Ann@Example.com", "new"), ("bob@example.com", "new"), ("ann@example.com", "old"),
    ]  # fmt: skip
    assert items[0]["text"] == "<b>2</b>"
    assert items[0]["sent_at"] == "2026-09-21T14:15:00.500000Z"


def test_mails_are_found_by_address_whatever_its_case(ask):
    items = ask("GET", "/_local/mail", params={"to": "ann@example.com"}).json()["items"]

    assert [item["subject"] for item in items] == ["new", "old"]


def test_vendors_are_controlled_through_their_simulators(ask):
    told = ask("POST", "/_local/sandbox/alipay/pay?x=1", json={"order_no": "1"}).json()

    assert (told["port"], told["raw"]) == (8010, "/_control/alipay/pay?x=1")
    assert json.loads(bytes.fromhex(told["body"])) == {"order_no": "1"}
    assert ask("GET", "/_local/sms?to=13800000000").json()["raw"] == "/_control/sms/messages?to=13800000000"


def test_the_clock_is_moved_and_read(ask):
    assert ask("POST", "/_local/clock", json={"advance": "7d"}).json()["offset_seconds"] == 7 * 86_400
    assert ask("GET", "/_local/clock").json()["offset_seconds"] == 7 * 86_400


@pytest.mark.parametrize(
    "wish",
    [{}, [], 7, {"advance": 7}, {"advance": "7x"}, {"at": "soon"}, {"at": "2020-01-01T00:00:00Z"},
     {"advance": "7d", "at": "2099-01-01T00:00:00Z"}],
)  # fmt: skip
def test_a_clock_move_that_is_none_is_refused(ask, wish):
    answer = ask("POST", "/_local/clock", json=wish)

    assert (answer.status_code, answer.json()["error"]) == (422, "validation_error")
    assert ask("GET", "/_local/clock").json()["offset_seconds"] == 0


def test_a_clock_move_must_be_json(ask):
    assert ask("POST", "/_local/clock", content=b"{").json()["error"] == "malformed_json"


def test_the_seed_is_told_as_it_was_written(ask, local):
    assert ask("GET", "/_local/seed").json() == {"logins": [LOGIN], "ids": {"plan": 1}}

    local.seed.unlink()
    assert ask("GET", "/_local/seed").status_code == 503


def test_the_page_for_people_shows_logins_and_mail_and_escapes_them(ask):
    page = ask("GET", "/_local/").text

    assert "admin@sharestack.local" in page
    assert "&lt;secret&gt;" in page
    assert "<b>2</b>" not in page
