"""What every construct of a stage needs to know: the stage, the names in it, and where alarms are made."""

from dataclasses import dataclass
from functools import cached_property

from aws_cdk import RemovalPolicy

from infra.names import Names
from infra.platform.alarms import Alarms
from infra.stage import Stage


@dataclass(frozen=True)
class House:
    """One stage of the house, as far as it is the same for everything in it."""

    stage: Stage

    @cached_property
    def names(self) -> Names:
        """Names and ARNs."""
        return Names(self.stage.name, self.stage.region)

    @property
    def removal(self) -> RemovalPolicy:
        """What becomes of data when its stack goes."""
        return RemovalPolicy.RETAIN if self.stage.keeps_data else RemovalPolicy.DESTROY

    @cached_property
    def alarms(self) -> Alarms:
        """Makes alarms, where the stage wants them."""
        return Alarms(self.stage, self.names)
