"""Finding the route by method and path shape instead of trying sixty patterns in a row."""

from collections import defaultdict
from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from shared.errors import MethodNotAllowed, NotFound, UnsupportedMediaType
from shared.http.context import of_scope

Shape = tuple[int, str]


class RouteIndex:
    """An ASGI application that dispatches to flat FastAPI routes.

    The key is the number of segments and the first segment behind `/api/v1`; the few routes that share one are tried
    in the order of how specific they are: static segments before parameters, integers before strings.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes: dict[Shape, list[APIRoute]] = defaultdict(list)
        for route in routes:
            if isinstance(route, APIRoute):
                self._routes[_shape(route.path)].append(route)
        for sharing in self._routes.values():
            sharing.sort(key=_specificity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request by its route; 405 when only the method is wrong, 404 when nothing has this shape."""
        wrong_method = False
        for route in self._routes.get(_shape(scope["path"]), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.update(child_scope)
                _check_media_type(route, scope)
                await route.handle(scope, receive, send)
                return
            wrong_method = wrong_method or match is Match.PARTIAL
        if wrong_method:
            raise MethodNotAllowed
        raise NotFound


def _shape(path: str) -> Shape:
    segments = path.strip("/").split("/")
    return len(segments), segments[2] if len(segments) > 2 else ""  # noqa: PLR2004 - behind "api" and "v1"


def _specificity(route: APIRoute) -> list[int]:
    return [0 if "{" not in part else 1 if ":int}" in part else 2 for part in route.path.split("/")]


def _check_media_type(route: APIRoute, scope: Scope) -> None:
    """A route that reads a JSON body takes nothing else."""
    if route.body_field is None or not of_scope(scope).body:
        return
    for name, value in scope["headers"]:
        if name == b"content-type" and value.split(b";")[0].strip().lower() == b"application/json":
            return
    raise UnsupportedMediaType(expected="application/json")
