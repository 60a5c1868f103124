"""What administration runs and may touch."""

from events.identity import AccountErased, PersonalDataRequested
from shared.manifest import Bucket, HttpFunction, Manifest, OnEvent, Publishes, Scheduled, Table

_COPY = Table("identity", ("PutItem",), ("EDGE",))
"""The settings that every request reads (shared/dynamo/edge.py)."""

MANIFEST = Manifest(
    domain="admin",
    functions=(
        HttpFunction(
            routes=(
                "/admin/settings",
                "/admin/permissions",
                "/admin/permissions/{proxy+}",
                "/admin/roles",
                "/admin/roles/{proxy+}",
                "/admin/auth/operation-logs",
                "/admin/auth/operation-logs/verify",
            ),
            grants=(Bucket("audit", ("versions",)), _COPY),
        ),
        # Alone with password hashing.
        HttpFunction("staff", routes=("/admin/admins/{proxy+}",), layers=("http", "sql", "argon2")),
        Scheduled("publish_settings", expression="rate(1 minute)", grants=(_COPY,)),
        Scheduled("end_expired_grants", expression="rate(1 minute)", grants=(Publishes(),)),
        Scheduled("seal_audit", expression="rate(1 minute)", timeout=300),
        Scheduled(
            "anchor_audit",
            expression="rate(5 minutes)",
            timeout=60,
            grants=(Bucket("audit", ("write", "versions"), "heads/"), Bucket("audit", ("write", "versions"), "digests/")),
        ),
        Scheduled(
            "verify_audit",
            expression="cron(30 19 * * ? *)",
            timeout=900,
            grants=(Bucket("audit", ("versions",)),),
        ),
        OnEvent("on_account_erased", event=AccountErased),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Bucket("exports", ("write",), "personal/"),),
        ),
        Scheduled("make_audit_partitions", expression="cron(40 19 * * ? *)"),
    ),
)
