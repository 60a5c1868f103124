"""What content runs and may touch."""

from events.content import ContentScheduled
from events.identity import AccountErased, PersonalDataRequested
from shared.manifest import Bucket, HttpFunction, Manifest, OnEvent, Publishes, Scheduled, Schedules, Table, Task

MANIFEST = Manifest(
    domain="content",
    functions=(
        HttpFunction(
            routes=("/contents/{proxy+}", "/categories/{proxy+}", "/editor/{proxy+}"),
            layers=("http", "sql", "text"),
            grants=(
                Table("social", ("UpdateItem",), ("V#", "C#")),
                Table("entitlements", ("BatchGetItem",), ("U#",)),
                Publishes(),
            ),
        ),
        OnEvent("on_content_scheduled", event=ContentScheduled, grants=(Schedules("publish_content"),)),
        Task("publish_content", grants=(Publishes(),)),
        Scheduled("publish_due", expression="rate(1 minute)", grants=(Publishes(),)),
        OnEvent("on_account_erased", event=AccountErased),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Bucket("exports", ("write",), "personal/"),),
        ),
    ),
)
