"""Work done once per deployment, before anything that depends on it serves: migrations, first keys."""

from aws_cdk import Duration, triggers
from constructs import Construct

from infra.constructs.function import HouseFunction
from infra.constructs.scope import DomainScope
from shared.manifest import DeployTask


def deploy_task(scope: DomainScope, function: DeployTask) -> Construct:
    """Run the function whenever its code or settings are new; when it fails, the deployment fails and rolls back."""
    made = HouseFunction(scope, function)
    return triggers.Trigger(
        made,
        "Run",
        handler=made.resource,
        timeout=Duration.seconds(function.timeout),
        invocation_type=triggers.InvocationType.REQUEST_RESPONSE,
    )
