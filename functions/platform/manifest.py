"""What platform runs and may touch."""

from shared.manifest import Bucket, DeployTask, HttpFunction, Manifest, Publishes, Queue, Scheduled, Table

MANIFEST = Manifest(
    domain="platform",
    functions=(
        HttpFunction(
            routes=(
                "/health/{proxy+}",
                "/openapi.json",
                "/docs/{proxy+}",
                "/jobs/{proxy+}",
                "/config/client",
                "/i18n/{proxy+}",
                "/admin/i18n/{proxy+}",
            ),
            grants=(
                Table("ops", ("GetItem",), ("JOB#", "RL#")),
                Table("ops", ("Query",), ("U#",)),
                Table("identity", ("GetItem",), ("PROVIDERS",)),
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
