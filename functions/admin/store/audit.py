"""The operation log of the back office, as a list."""

from typing import Any

from functions.admin.schemas.audit import OperationLog
from shared.sql.listing import Listing

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
