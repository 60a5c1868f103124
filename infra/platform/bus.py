"""The event bus: facts of every domain, kept for replay."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct

from infra.names import Names
from infra.stage import Stage


class Bus(Construct):
    """One bus; what passed over it in the last days can be replayed onto it."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, names: Names) -> None:
        super().__init__(scope, name)
        self.bus = events.EventBus(self, "Bus", event_bus_name=names.bus)
        if stage.event_archive_days is not None:
            self.bus.archive(
                "Archive",
                archive_name=names.bus,
                description="Facts, for replay",
                event_pattern=events.EventPattern(source=events.Match.prefix("sharestack.")),
                retention=Duration.days(stage.event_archive_days),
            )
