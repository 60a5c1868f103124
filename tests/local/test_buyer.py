"""The buyer behind the front door: a page that posts its form by itself does so before somebody presses Pay."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from functions.payments.http.browser_form import browser_form
from infra.local.frontdoor.app import create_app
from infra.local.settings import Local

PAGE = "http://127.0.0.1:8000/api/v1/payments/unionpay/page?orderId=P1"
FIELDS = {"orderId": "P1", "signature": "a+b/c==", "note": "<\"&'>", "empty": ""}


@pytest.fixture
def local(tmp_path: Path) -> Local:
    local = Local(port=8000, emulator_port=4566, sandbox_port=8010, state=tmp_path)
    local.outputs.write_text('{"sharestack-local-foundation": {"ApiId": "abc123"}}')
    return local


def pressed(local: Local, page: HTMLResponse) -> list[tuple[str, dict[str, str]]]:
    """What reached the vendor when a payment was started and Pay pressed twice."""
    reached: list[tuple[str, dict[str, str]]] = []

    async def behind(request: Request) -> Response:
        path = request.url.path
        if path.endswith("/create"):
            return JSONResponse({"data": {"payment_no": "P1", "order_no": "O1", "pay_url": PAGE}})
        if path.endswith("/page"):
            return page
        body = (await request.body()).decode()
        reached.append((path, dict(parse_qsl(body, keep_blank_values=True)) if path.startswith("/unionpay") else {}))
        return JSONResponse({})

    async def go() -> None:
        fake = Starlette(routes=[Route("/{path:path}", behind, methods=["GET", "POST"])])
        front = httpx.ASGITransport(create_app(local, httpx.ASGITransport(fake)))
        async with httpx.AsyncClient(transport=front, base_url="http://127.0.0.1:8000") as client:
            await client.post("/api/v1/payments/unionpay/create", json={"order_no": "O1"})
            for _ in range(2):
                await client.post("/_local/sandbox/unionpay/pay", json={"order_no": "O1"})

    asyncio.run(go())
    return reached


def test_the_form_is_posted_once_and_before_the_button_is_pressed(local: Local) -> None:
    page = browser_form("http://127.0.0.1:8010/unionpay/frontTransReq.do", FIELDS, "en")
    pay: tuple[str, dict[str, str]] = ("/_control/unionpay/pay", {})
    assert pressed(local, page) == [("/unionpay/frontTransReq.do", FIELDS), pay, pay]


def test_a_button_on_a_page_that_waits_for_the_buyer_is_left_alone(local: Local) -> None:
    page = HTMLResponse('<form method="post" action="/unionpay/pay/1"><button>Pay</button></form>')
    assert [path for path, _ in pressed(local, page)] == ["/_control/unionpay/pay"] * 2
