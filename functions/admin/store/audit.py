"""The two audit logs: their chains, and the list of the back office's."""

from typing import Any, Final

from functions.admin.schemas.audit import OperationLog
from shared.sql.listing import Listing
from shared.sql.sealing import Chain

OPERATIONS: Final = Chain(
    name="admin_operation_logs",
    table="admin.admin_operation_logs",
    key="id",
    at="created_at",
    row="""r.id, r.tx::text, r.admin_uid, r.operation, r.resource_type, r.resource_id, r.details, r.ip_address,
        r.user_agent, r.result, r.error_message, {at}""",
    blocks="admin.audit_blocks",
    seals="admin.admin_operation_seals",
    role="sealer",
)
ACTIONS: Final = Chain(
    name="operator_audit_logs",
    table="admin.operator_audit_logs",
    key="id",
    at="created_at",
    row="""r.id, r.tx::text, r.operator_id, r.action_type, r.target_type, r.target_id, r.action_details, r.ip_address,
        r.user_agent, {at}""",
    blocks="admin.audit_blocks",
    seals="admin.operator_audit_seals",
    role="sealer",
)
CHAINS: Final = (OPERATIONS, ACTIONS)

# Rows name people by uid; `admin_id` is the number of their staff account, or 0 for one whose account was deleted since.
OPERATION_LOG: Listing[OperationLog] = Listing(
    columns="""o.id, coalesce(a.id, 0) AS admin_id, o.operation, o.resource_type, o.resource_id,
        coalesce(o.details, '{}') AS details, coalesce(o.ip_address, '') AS ip_address,
        coalesce(o.user_agent, '') AS user_agent, o.result, o.error_message, o.created_at,
        coalesce(encode(s.hash, 'hex'), '') AS hash""",
    source="""admin.admin_operation_logs o LEFT JOIN admin.admins a ON a.user_id = o.admin_uid
        LEFT JOIN admin.admin_operation_seals s ON s.id = o.id""",
    key=("id", "o.id"),
    sorts={"created_at": "o.created_at"},
    default_sort="created_at",
    filters={
        "admin_id": "a.id = %(admin_id)s",
        "operation": "o.operation = %(operation)s",
        "resource_type": "o.resource_type = %(resource_type)s",
        "resource_id": "o.resource_id = %(resource_id)s",
        "result": "o.result = %(result)s",
        "date_from": "o.created_at >= %(date_from)s",
        "date_to": "o.created_at <= %(date_to)s",
    },
)


def operation_log(row: dict[str, Any]) -> OperationLog:
    """One row of the operation log."""
    return OperationLog.model_construct(**{name: row[name] for name in OperationLog.model_fields})
