"""Where the constructs of one domain stand: its stack, its name, and the foundation beneath."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from infra import bundling
from infra.names import Names
from infra.platform.foundation import Foundation
from infra.platform.house import House
from infra.policy import Allow, role


@dataclass
class DomainScope:
    """What constructs of a domain share, each thing made once."""

    stack: Stack
    domain: str
    foundation: Foundation
    extra_files: tuple[tuple[str, Path], ...] = ()
    _layers: dict[str, lambda_.LayerVersion] = field(default_factory=dict)
    _scheduler_roles: dict[str, iam.CfnRole] = field(default_factory=dict)

    @property
    def house(self) -> House:
        """The stage, and the names in it."""
        return self.foundation.house

    @property
    def names(self) -> Names:
        """Names and ARNs of the stage."""
        return self.house.names

    @cached_property
    def target(self) -> bundling.Target:
        """What bundles of the stage run on."""
        return bundling.Target(self.house.stage.platform)

    @cached_property
    def code(self) -> lambda_.Code:
        """The domain's own zip."""
        return lambda_.Code.from_asset(str(bundling.domain(self.domain, self.target, extra=self.extra_files)))

    @cached_property
    def code_with_migrations(self) -> lambda_.Code:
        """The domain's zip with the history of the database in it."""
        return lambda_.Code.from_asset(str(bundling.domain(self.domain, self.target, migrations=True)))

    def layer(self, name: str) -> lambda_.LayerVersion:
        """A layer. Each stack has its own: a version shared between stacks could not be replaced while in use."""
        if name not in self._layers:
            self._layers[name] = lambda_.LayerVersion(
                self.stack,
                f"Layer{name.title()}",
                code=lambda_.Code.from_asset(str(bundling.layer(name, self.target))),
                description=f"locks/layer-{name}.txt",
            )
        return self._layers[name]

    def scheduler_role(self, target: str) -> str:
        """ARN of the role with which Scheduler calls one function of the domain, and nothing else."""
        if target not in self._scheduler_roles:
            self._scheduler_roles[target] = role(
                self.stack,
                f"{construct_id(target)}Scheduler",
                "scheduler",
                [
                    Allow(["lambda:InvokeFunction"], [self.names.function_arn(self.domain, target)]),
                    Allow(["sqs:SendMessage"], [self.names.queue_arn(self.domain, target, "dlq")]),
                ],
            )
        return self._scheduler_roles[target].attr_arn


def construct_id(name: str) -> str:
    """`on_order_paid` and `on-order-paid` become `OnOrderPaid`."""
    return "".join(part.title() for part in name.replace("-", "_").split("_"))
