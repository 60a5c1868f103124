"""Staff mutations at the edge: none succeeds untold, and one that was refused or failed is told of too (rules.md §2).

The rows of failures are written in a transaction of their own, after the attempt's was rolled back and before the answer
goes out. Reads, and mutations that succeed, pay nothing here.
"""

from collections.abc import MutableMapping
from typing import Any

from shared import observe
from shared.http.context import RequestContext

_REFUSED = 400
_FAILED = 500


def settle(context: RequestContext, scope: MutableMapping[str, Any]) -> None:
    """Before a staff mutation is answered. Raises Unaudited when it was done without an audit row.

    A refusal for too many requests writes nothing: the limit is there to spare the database.
    """
    duty = context.duty
    assert duty is not None  # noqa: S101 - the edge asks before it calls
    if context.status < _REFUSED:
        duty.check()
    elif context.session == "staff" and context.error != "rate_limited":
        _record(context, scope)


def _record(context: RequestContext, scope: MutableMapping[str, Any]) -> None:
    """A database that does not answer costs the record, says so in the log, and leaves the caller his refusal."""
    import psycopg

    from shared.sql import audit
    from shared.sql.connection import transaction

    endpoint = getattr(scope.get("endpoint"), "__name__", "unknown")
    result = "error" if context.status >= _FAILED else "failed"
    try:
        with transaction() as db:
            audit.attempt(db, context, endpoint, _target(scope.get("path_params", {})), result)
    except psycopg.Error:
        observe.error("attempt was not recorded", operation=endpoint, uid=context.uid)
        observe.count("audit_attempt_lost")


def _target(path: dict[str, Any]) -> tuple[str, int | None]:
    """What the path names last: `/refunds/{refund_id}/process` is about refund 5; a path without names about nothing."""
    if not path:
        return "route", None
    name, value = list(path.items())[-1]
    return "user" if name == "uid" else name.removesuffix("_id"), value if isinstance(value, int) else None
