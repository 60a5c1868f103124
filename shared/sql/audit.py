"""Who did what: one row per operator action, in the same transaction as the action (rules.md §2, §17; docs/audit.md)."""

from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from shared import clock, observe
from shared.caller import Caller
from shared.http.context import RequestContext
from shared.sql import duty
from shared.sql.connection import Connection
from shared.sql.duty import Target

_LONGEST_ADDRESS = 45
"""Of IPv6; behind proxies that are not ours anything might stand there."""
_OPERATOR_ACTION: LiteralString = """
    INSERT INTO admin.operator_audit_logs
        (operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_ADMIN_OPERATION: LiteralString = """
    INSERT INTO admin.admin_operation_logs
        (admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, created_at, result, error_message)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def operator_action(
    db: Connection, caller: Caller, context: RequestContext, action: str, target: Target, **details: Any
) -> None:
    """An `operator` row of the contract: into `operator_audit_logs`, with `result` among its details.

    Say what changed by `before={…}` and `after={…}`. Details are masked before they are stored.
    """
    row = _row(caller.uid, context, action, target, details | {"result": "success"})
    db.execute(_OPERATOR_ACTION, row)
    duty.recorded("operator", action, target)


def admin_operation(
    db: Connection, caller: Caller, context: RequestContext, operation: str, resource: Target, **details: Any
) -> None:
    """An `admin` row of the contract: into `admin_operation_logs`, with its result `success`, since it commits with it.

    Say what changed by `before={…}` and `after={…}`. Details are masked before they are stored.
    """
    db.execute(_ADMIN_OPERATION, (*_row(caller.uid, context, operation, resource, details), "success", None))
    duty.recorded("admin", operation, resource)


def attempt(db: Connection, context: RequestContext, endpoint: str, target: Target, result: str) -> None:
    """A staff mutation that was refused (`failed`) or broke (`error`), with the stable name of why. Its body is not kept:
    what was refused may hold what was never meant to be stored.
    """
    owed = context.duty
    if owed is None:
        return
    action, target = owed.intended or (endpoint, target)
    details = {
        "method": context.method,
        "path": context.path,
        "permission": owed.permission,
        "error": context.error,
        "request_id": context.request_id,
    }
    if owed.log == "operator":
        db.execute(_OPERATOR_ACTION, _row(context.uid, context, action, target, details | {"result": result}))
    else:
        db.execute(_ADMIN_OPERATION, (*_row(context.uid, context, action, target, details), result, context.error))


def _row(uid: int, context: RequestContext, action: str, target: Target, details: dict[str, Any]) -> tuple[Any, ...]:
    return (
        uid,
        action,
        target[0],
        target[1],
        Jsonb(observe.mask(details)),
        context.ip[:_LONGEST_ADDRESS],
        context.user_agent,
        clock.now(),
    )
