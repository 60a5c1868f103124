"""A domain with one of everything a manifest can say, so that no construct waits for a real domain to need it."""

from typing import ClassVar

from events.base import Fact
from shared.manifest import (
    Bucket,
    DeployTask,
    HttpFunction,
    Key,
    Manifest,
    OnEvent,
    OnQueue,
    OnStream,
    OnUpload,
    Publishes,
    Queue,
    Scheduled,
    Schedules,
    Secret,
    SendsEmail,
    Table,
    Task,
)


class Sampled(Fact):
    NAME: ClassVar[str] = "sample.sampled.v1"


SAMPLE = Manifest(
    domain="sample",
    functions=(
        HttpFunction(
            routes=("/samples/{proxy+}", "/users/{uid}/sample"),
            grants=(
                Table("social", ("GetItem", "Query", "TransactWriteItems"), ("S#",)),
                Bucket("media-private", ("read", "write", "list"), "sample/"),
                Queue("samples"),
                Key("pii", ("encrypt",)),
                Schedules("ripen"),
            ),
        ),
        OnEvent("on_sampled", event=Sampled, grants=(Publishes(),)),
        OnQueue("taste", queue="samples", batch_size=5, timeout=60, grants=(SendsEmail(),)),
        OnUpload("inspect", bucket="exports", prefix="sample/", grants=(Bucket("exports", ("read", "delete"), "sample/"),)),
        OnStream("follow", group="social"),
        Scheduled("tidy", expression="rate(1 hour)", sql=False),
        Task("ripen"),
        DeployTask("prepare", grants=(Secret("sample-key", write=True),)),
    ),
    queues=("samples",),
)
