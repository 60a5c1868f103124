"""The HTTP function of a domain: FastAPI over flat routes, behind the edge, behind Mangum."""

import asyncio
import gc
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.errors import MalformedJson, MethodNotAllowed, NotFound, Refusal, ValidationFailed
from shared.http.context import of_scope
from shared.http.edge import Edge, problem
from shared.http.idempotency import Replay, replayed
from shared.http.routes import RouteIndex
from shared.i18n import validation_sentence

BASE = "/api/v1"


def create_app(domain: str, *routers: APIRouter) -> FastAPI:
    """An application of the house. Routers carry full paths (`APIRouter(prefix=BASE + ...)`) and are laid flat:
    `include_router` is lazy since FastAPI 0.137 and costs a fifth to two thirds of every request.
    """
    app = FastAPI(title=f"ShareStack {domain}", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        app.router.routes.extend(router.routes)
    app.router.middleware_stack = RouteIndex(app.router.routes)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Replay, replayed)
    app.add_middleware(Edge)
    return app


def lambda_handler(app: FastAPI) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The Lambda handler. Lifespan is off: Mangum would run it for every single event.

    Mangum runs on the thread's current event loop, which Python no longer makes by itself; this one is ours.
    """
    adapter = Mangum(app, lifespan="off")
    # The last thing a module does: all that was imported stays, and need not be looked at by the garbage collector.
    gc.freeze()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(_loop())
        return adapter(event, context)

    return handler


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of this environment, opened at its first event: a snapshot must not hold its file descriptors."""
    return asyncio.new_event_loop()


async def _refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - narrows the type Starlette promises by registration
    headers = {"retry-after": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    context = of_scope(request.scope)
    context.error = refusal.error
    return Response(problem(refusal, context), refusal.status, headers, media_type="application/json")


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    locale = of_scope(request.scope).locale
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return await _refusal(request, MalformedJson())
    return await _refusal(
        request,
        ValidationFailed(
            [
                {
                    "field": ".".join(str(part) for part in item["loc"]),
                    "message": validation_sentence(item["type"], item.get("ctx", {}), locale),
                }
                for item in error.errors()
            ]
        ),
    )


async def _http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    known: dict[int, Refusal] = {404: NotFound(), 405: MethodNotAllowed(), 400: MalformedJson()}
    return await _refusal(request, known.get(status, NotFound()))
