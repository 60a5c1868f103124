"""What platform runs and may touch."""

from events.identity import AccountErased, PersonalDataRequested
from shared.manifest import Bucket, DeployTask, HttpFunction, Manifest, OnEvent, Publishes, Queue, Scheduled, Table

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
        OnEvent("on_account_erased", event=AccountErased, grants=(Table("ops", ("Query", "DeleteItem"), ("JOB#", "U#")),)),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Table("ops", ("Query",), ("U#",)), Bucket("exports", ("write",), "personal/")),
        ),
    ),
    queues=("export",),
)
