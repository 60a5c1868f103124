"""The two audit logs as chains of sealed rows: what of a row is hashed, and where the hashes lie."""

from typing import Final

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
