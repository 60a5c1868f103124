"""What media runs and may touch."""

from events.identity import AccountErased, PersonalDataRequested
from shared.manifest import Bucket, HttpFunction, Manifest, OnEvent, OnUpload, Publishes, Scheduled, Table

MANIFEST = Manifest(
    domain="media",
    functions=(
        HttpFunction(
            routes=("/media/{proxy+}",),
            grants=(
                Table("entitlements", ("BatchGetItem",), ("U#",)),
                Bucket("media-private", ("read", "write"), "u/"),
            ),
        ),
        OnUpload(
            "inspect_upload",
            bucket="media-private",
            prefix="u/",
            layers=("http", "sql", "media"),
            memory=2048,
            timeout=900,  # a batch may hold several videos of 5 GB, each read from end to end
            grants=(
                Bucket("media-private", ("read", "delete"), "u/"),
                Bucket("media-public", ("write",), "r/"),
                Publishes(),
            ),
        ),
        Scheduled(
            "expire_uploads",
            expression="rate(1 hour)",
            grants=(Bucket("media-private", ("write", "delete"), "u/"),),
        ),
        OnEvent(
            "on_account_erased",
            event=AccountErased,
            timeout=900,
            grants=(Bucket("media-private", ("delete",), "u/"), Bucket("media-public", ("delete",), "r/")),
        ),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Bucket("exports", ("write",), "personal/"),),
        ),
    ),
)
