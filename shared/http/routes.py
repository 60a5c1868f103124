"""Finding the route by method and path shape instead of trying sixty patterns in a row."""

from collections import defaultdict
from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from shared.errors import MethodNotAllowed, NotFound, UnsupportedMediaType
from shared.http.context import of_scope

Shape = tuple[str, int, str]


class RouteIndex:
    """An ASGI application that dispatches to flat FastAPI routes.

    The key is the method, the number of segments and the first segment behind `/api/v1`; the few routes that share one
    are tried in the order of how specific they are: static segments before parameters, integers before strings.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._by_shape: dict[Shape, list[APIRoute]] = defaultdict(list)
        self._all = [route for route in routes if isinstance(route, APIRoute)]
        for route in self._all:
            for method in route.methods or ():
                self._by_shape[_shape(method, route.path)].append(route)
        for sharing in self._by_shape.values():
            sharing.sort(key=_specificity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request by its route; 405 when only the method is wrong, 404 when nothing has this shape."""
        for route in self._by_shape.get(_shape(scope["method"], scope["path"]), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.update(child_scope)
                _check_media_type(route, scope)
                await route.handle(scope, receive, send)
                return
        if any(route.matches(scope)[0] is Match.PARTIAL for route in self._all):
            raise MethodNotAllowed
        raise NotFound


def _shape(method: str, path: str) -> Shape:
    segments = path.split("/", 4)
    return method, path.count("/"), segments[3] if len(segments) > 3 else ""  # noqa: PLR2004 - behind "", "api" and "v1"


def _specificity(route: APIRoute) -> list[int]:
    return [0 if "{" not in part else 1 if ":int}" in part else 2 for part in route.path.split("/")]


def _check_media_type(route: APIRoute, scope: Scope) -> None:
    """A route that reads a JSON body takes nothing else."""
    context = of_scope(scope)
    if route.body_field is not None and context.body and context.media_type != "application/json":
        raise UnsupportedMediaType(expected="application/json")
