"""The trail of what users change of their own accounts: one row per change that was answered well (rules.md §22).

A layer around the whole application, so that no route can forget it: what is written is the name of the route. It runs
after the answer is made; a store that is away costs the row and rings an alarm, not the answer. Follows are not told: the
follow graph is their record.
"""

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.identity.store import operations
from shared import observe
from shared.http.context import RequestContext

_REFUSED = 400
_UNTOLD = frozenset({"follow", "unfollow", "refresh", "log_in", "log_out"})
_RULES = frozenset({"user", "creator"})


class Trail:
    """Wraps an application of identity: `app.add_middleware(Trail)`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, then write down what it changed."""
        await self.app(scope, receive, send)
        context: RequestContext | None = scope.get("house")
        if context is None or context.method in {"GET", "HEAD"} or not 0 < context.status < _REFUSED:
            return
        action = getattr(scope.get("endpoint"), "__name__", "")
        if context.uid and context.rule in _RULES and action and action not in _UNTOLD:
            _write(context, action, scope.get("path_params") or {})


def _write(context: RequestContext, action: str, path: dict[str, object]) -> None:
    target = " ".join(str(value) for value in path.values()) or None
    try:
        operations.log(
            context.uid, action, target, ip=context.ip, user_agent=context.user_agent, request_id=context.request_id
        )
    except (PynamoDBException, BotoCoreError, ClientError):
        observe.error("operation was not written down", action=action)
        observe.count("operation_log_lost")
