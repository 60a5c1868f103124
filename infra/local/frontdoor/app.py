"""The front door: which path goes where, as `infra/platform/edge.py` and its `front.js` say it in the cloud."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.frontdoor.buyer import Buyer
from infra.local.frontdoor.cloud import Cloud
from infra.local.frontdoor.controls import Controls
from infra.local.frontdoor.media import Media
from infra.local.frontdoor.page import render
from infra.local.frontdoor.upstream import forward, target, viewer_headers
from infra.local.settings import Local
from shared.errors import MethodNotAllowed, NotFound, Refusal
from shared.http.context import RequestContext
from shared.http.edge import problem
from shared.i18n import negotiate
from shared.ids import new_ulid

TIMEOUT = httpx.Timeout(60, connect=5)
ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(local: Local, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The application; `transport` replaces the network in tests."""
    limits = httpx.Limits(max_connections=None)
    client = httpx.AsyncClient(transport=transport, timeout=TIMEOUT, limits=limits, trust_env=False)
    cloud = Cloud(local)
    buyer = Buyer(client)
    controls = Controls(local, client, buyer)
    media = Media(local, cloud, client)

    async def api(request: Request) -> Response:
        answer = await forward(client, request, cloud.api() + target(request), viewer_headers(request))
        return buyer.watch(request, answer)

    async def docs(request: Request) -> Response:
        return await forward(client, request, f"{cloud.api()}/api/v1/docs", viewer_headers(request))

    async def front_page(_: Request) -> Response:
        return RedirectResponse("/docs", status_code=302)

    async def home(_: Request) -> Response:
        return HTMLResponse(
            render(
                links=[
                    ("Swagger UI", f"{local.public_url}/docs"),
                    ("API", f"{local.public_url}/api/v1/health/ready"),
                    ("Vendor simulators", local.sandbox_url),
                    ("AWS emulator", f"{local.emulator_url}/_ministack/health"),
                ],
                clock=str(controls.reading()["now"]),
                logins=controls.seeded()["logins"],
                mails=await controls.mailbox(None),
            )
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", front_page),
            Route("/docs", docs),
            Route("/api/{path:path}", api, methods=ANY_METHOD),
            Route("/media/{key:path}", media.serve),
            Route("/_local/", home),
            Route("/_local/seed", controls.seed),
            Route("/_local/mail", controls.mail),
            Route("/_local/sms", controls.sms),
            Route("/_local/clock", controls.clock, methods=["GET", "POST"]),
            Route("/_local/sandbox/{path:path}", controls.sandbox, methods=["GET", "POST"]),
        ],
        exception_handlers={Refusal: _render, HTTPException: _render_http},
    )


async def _render(request: Request, refusal: Exception) -> Response:
    """Errors of the front door itself look like the API's."""
    if not isinstance(refusal, Refusal):
        raise refusal
    context = RequestContext(
        request_id=new_ulid(),
        locale=negotiate(request.headers.get("accept-language")),
        ip="",
        user_agent="",
        method=request.method,
        path=request.url.path,
    )
    return Response(problem(refusal, context), refusal.status, media_type="application/json")


async def _render_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return await _render(request, MethodNotAllowed() if status == httpx.codes.METHOD_NOT_ALLOWED else NotFound())
