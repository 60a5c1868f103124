"""What administration runs and may touch."""

from shared.manifest import Bucket, HttpFunction, Manifest, Scheduled

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
            grants=(Bucket("audit", ("versions",)),),
        ),
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
        Scheduled("make_audit_partitions", expression="cron(40 19 * * ? *)"),
    ),
)
