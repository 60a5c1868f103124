"""The product's vendors, played on a laptop: they sign, verify, notify and misbehave like the real ones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.local.sandbox import index
from infra.local.sandbox.alipay import control as alipay_control
from infra.local.sandbox.alipay import http as alipay_http
from infra.local.sandbox.alipay.vendor import Alipay
from infra.local.sandbox.courier import Courier, Delivery
from infra.local.sandbox.einvoice import http as einvoice_http
from infra.local.sandbox.einvoice.vendor import Einvoice
from infra.local.sandbox.journal import Journal
from infra.local.sandbox.oauth import control as oauth_control
from infra.local.sandbox.oauth.vendor import Oauth
from infra.local.sandbox.settings import SandboxSettings
from infra.local.sandbox.shelf import Shelf, open_database
from infra.local.sandbox.sms import sink
from infra.local.sandbox.unionpay import control as unionpay_control
from infra.local.sandbox.unionpay import http as unionpay_http
from infra.local.sandbox.unionpay.vendor import ACCEPTED as UNIONPAY_ACCEPTED
from infra.local.sandbox.unionpay.vendor import Unionpay
from infra.local.sandbox.wechat import control as wechat_control
from infra.local.sandbox.wechat import http as wechat_http
from infra.local.sandbox.wechat import papay_http as wechat_papay
from infra.local.sandbox.wechat.vendor import Wechat

_PATIENCE_SECONDS = 15.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


async def health(_: Request) -> JSONResponse:
    """Ready: the state is open and the courier runs."""
    return JSONResponse({"status": "ok"})


def create_app(settings: SandboxSettings | None = None) -> Starlette:
    """The application; nothing is opened, generated or read before it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        told = settings or SandboxSettings.from_environment()
        database = open_database(told.state)
        journals = {name: Journal() for name in ("alipay", "sms", "wechat", "unionpay", "einvoice")}
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as http:
            courier = Courier(Shelf(database, "deliveries", Delivery), lambda delivery: post(http, delivery, journals, app))
            app.state.alipay = Alipay(told, database, courier, journals["alipay"])
            app.state.wechat = Wechat(told, database, courier, journals["wechat"])
            app.state.unionpay = Unionpay(told, database, courier, journals["unionpay"])
            app.state.einvoice = Einvoice(told, database, journals["einvoice"])
            app.state.sms = sink.Sms(told.state, database, journals["sms"])
            app.state.oauth = Oauth(told.state, database)
            delivering = asyncio.create_task(courier.run())
            yield
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await delivering
        database.close()

    return Starlette(
        routes=[
            *index.ROUTES,
            Route("/health", health),
            *alipay_http.ROUTES,
            *alipay_control.ROUTES,
            *wechat_papay.ROUTES,
            *wechat_http.ROUTES,
            *wechat_control.ROUTES,
            *unionpay_http.ROUTES,
            *unionpay_control.ROUTES,
            *einvoice_http.ROUTES,
            *sink.ROUTES,
            *oauth_control.ROUTES,
        ],
        lifespan=lifespan,
    )


async def post(http: httpx.AsyncClient, delivery: Delivery, journals: dict[str, Journal], app: Starlette) -> str:
    """One attempt at a notification: the body of a 200, or a word about what came instead."""
    try:
        answer = await http.post(
            delivery.url,
            content=delivery.body,
            headers=app.state.wechat.headers(delivery) if delivery.vendor == "wechat" else _FORM,
        )
        said = _said(delivery, answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = type(error).__name__
    told = {"body": delivery.body} if delivery.vendor == "wechat" else dict(httpx.QueryParams(delivery.body))
    request = {"url": delivery.url, "attempt": delivery.attempts + 1, **told}
    journals[delivery.vendor].note("sent", "notify", delivery.numbers, request, said)
    return said


def _said(delivery: Delivery, answer: httpx.Response) -> str:
    if answer.status_code != httpx.codes.OK:
        return f"HTTP {answer.status_code}"
    # UnionPay looks at the status only.
    return UNIONPAY_ACCEPTED if delivery.vendor == "unionpay" else answer.text


app = create_app()
