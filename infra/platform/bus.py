"""The event bus: facts of every domain, kept for replay."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct

from infra.platform.house import House


class Bus(Construct):
    """One bus; what passed over it in the last days can be replayed onto it."""

    def __init__(self, scope: Construct, name: str, *, house: House) -> None:
        super().__init__(scope, name)
        self.bus = events.EventBus(self, "Bus", event_bus_name=house.names.bus)
        if house.stage.event_archive_days is not None:
            self.bus.archive(
                "Archive",
                archive_name=house.names.bus,
                description="Facts, for replay",
                event_pattern=events.EventPattern(source=events.Match.prefix("sharestack.")),
                retention=Duration.days(house.stage.event_archive_days),
            )
