"""What platform runs and may touch."""

from shared.manifest import Bucket, DeployTask, HttpFunction, Manifest, Publishes, Queue, Scheduled, Table

MANIFEST = Manifest(
    domain="platform",
    functions=(
        HttpFunction(
            routes=("/health", "/health/{proxy+}", "/openapi.json", "/docs", "/docs/{proxy+}", "/jobs/{proxy+}"),
            grants=(
                Table("ops", ("GetItem",), ("JOB#", "RL#")),
                Bucket("exports", ("list",), "health/"),
                Queue("export", access="inspect"),
            ),
        ),
        Scheduled("sweep_outbox", expression="rate(1 minute)", grants=(Publishes(every_source=True),)),
        Scheduled("forget_old", expression="cron(0 20 * * ? *)"),
        DeployTask("migrate", layers=("http", "sql", "migrate"), sql_owner=True),
    ),
    queues=("export",),
)
