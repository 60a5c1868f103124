"""What the controls of the paying vendors share: switches, the journal, the buyer's part, and starting over."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.journal import Journal
from infra.local.sandbox.switches import Switches
from infra.local.sandbox.web import BadBodyError, json_object, refusal

MOST_FEN = 100_000_000 * 100


class VendorDeclinesError(Exception):
    """A vendor says no: its code to branch on, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code, self.sentence = code, sentence


class UnheardOfError(Exception):
    """Nothing goes by the number a control names."""


class Vendor(Protocol):
    """What every simulator of a paying vendor has."""

    switches: Switches[Any]
    journal: Journal

    def forget(self) -> None:
        """Start over with the same keys."""


Act = Callable[[Any, dict[str, Any]], dict[str, Any]]
"""Does as told with a vendor, and shows what became of it. Raises UnheardOfError, VendorDeclinesError or BadBodyError."""


def routes(name: str, *, acts: dict[str, Act], lists: dict[str, Callable[[Any], Iterable[dict[str, Any]]]]) -> list[Route]:
    """`/_control/{name}/…`: switches, journal, start over, what the buyer does (POST) and what there is, newest first."""
    return [
        Route(f"/_control/{name}/behaviour", _behaviour(name), methods=["GET", "POST"]),
        Route(f"/_control/{name}/requests", _requests(name)),
        Route(f"/_control/{name}/forget", _forget(name), methods=["POST"]),
        *(Route(f"/_control/{name}/{path}", _act(name, act), methods=["POST"]) for path, act in acts.items()),
        *(Route(f"/_control/{name}/{path}", _list(name, shown)) for path, shown in lists.items()),
    ]


def amount_told(told: dict[str, Any]) -> int | None:
    """`amount` in fen, when one is told. Raises BadBodyError."""
    amount = told.get("amount")
    if amount is not None and (type(amount) is not int or not 0 < amount <= MOST_FEN):
        message = "amount must be whole fen, above 0"
        raise BadBodyError(message)
    return amount


def _vendor(request: Request, name: str) -> Any:
    return getattr(request.app.state, name)


def _behaviour(name: str) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def behaviour(request: Request) -> JSONResponse:
        """GET what is in force; POST `{field: value…, "order_no"?, "reset"?}` to change it."""
        vendor: Vendor = _vendor(request, name)
        if request.method == "POST":
            try:
                vendor.switches.change(await json_object(request))
            except (BadBodyError, ValidationError) as error:
                return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
        return JSONResponse(vendor.switches.shown())

    return behaviour


def _requests(name: str) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def requests(request: Request) -> JSONResponse:
        """What was received and sent, newest first; `?order_no=` for one order, payment or agreement."""
        vendor: Vendor = _vendor(request, name)
        return JSONResponse({"items": vendor.journal.items(request.query_params.get("order_no"))})

    return requests


def _forget(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def forget(request: Request) -> Response:
        """Start over with the same keys."""
        _vendor(request, name).forget()
        return Response(status_code=204)

    return forget


def _list(name: str, shown: Callable[[Any], Iterable[dict[str, Any]]]) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def listed(request: Request) -> JSONResponse:
        """Everything of one kind with what became of it, newest first."""
        found: Sequence[dict[str, Any]] = [*shown(_vendor(request, name))]
        return JSONResponse({"items": found[::-1]})

    return listed


def _act(name: str, act: Act) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def acted(request: Request) -> JSONResponse:
        """Do as told."""
        try:
            return JSONResponse(act(_vendor(request, name), await json_object(request)))
        except BadBodyError as error:
            return refusal(400, "invalid_body", f"请求有误：{error}", f"Not understood: {error}")
        except UnheardOfError:
            return refusal(404, "order_not_found", "没有这笔订单", "Nothing of that number was sent here.")
        except VendorDeclinesError as declined:
            return refusal(409, declined.code, declined.sentence, f"The vendor declines: {declined.code}")

    return acted
