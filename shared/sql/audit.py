"""Who did what: one row per operator action, in the same transaction as the action (rules.md §2, §17)."""

from typing import Any

from psycopg.types.json import Jsonb

from shared import clock, observe
from shared.caller import Caller
from shared.http.context import RequestContext
from shared.sql.connection import Connection


def operator_action(
    db: Connection, caller: Caller, context: RequestContext, action: str, target: tuple[str, int], **details: Any
) -> None:
    """An `operator` row of the contract: into `operator_audit_logs`. Details are masked before they are stored."""
    db.execute(
        """
        INSERT INTO admin.operator_audit_logs
            (operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            caller.uid,
            action,
            target[0],
            target[1],
            Jsonb(observe.mask(details)),
            context.ip,
            context.user_agent,
            clock.now(),
        ),
    )


def admin_operation(
    db: Connection, caller: Caller, context: RequestContext, operation: str, resource: tuple[str, int], **details: Any
) -> None:
    """An `admin` row of the contract: into `admin_operation_logs`, with its result `success`, since it commits with it."""
    db.execute(
        """
        INSERT INTO admin.admin_operation_logs
            (admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, 'success', %s)
        """,
        (
            caller.uid,
            operation,
            resource[0],
            resource[1],
            Jsonb(observe.mask(details)),
            context.ip,
            context.user_agent,
            clock.now(),
        ),
    )
