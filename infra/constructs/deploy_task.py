"""Work done once per deployment, before anything that depends on it serves: migrations, first keys."""

from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.function import RUNTIME, RUNTIME_REASON, HouseFunction
from infra.constructs.logs import function_log, may_log
from infra.constructs.scope import DomainScope
from infra.nag import accept
from infra.platform.house import House
from infra.policy import Allow, role
from shared.manifest import DeployTask

RUNNER = Path(__file__).parent / "run_once" / "index.py"
LONGEST = Duration.seconds(900)


def deploy_task(scope: DomainScope, function: DeployTask) -> Construct:
    """Run the function whenever its code or settings are new; when it fails, the deployment fails and rolls back."""
    made = HouseFunction(scope, function)
    return CustomResource(
        made,
        "Run",
        resource_type="Custom::DeployTask",
        service_token=_runner(made, scope.house).function_arn,
        properties={"Function": made.resource.function_arn, "Version": made.resource.current_version.version},
    )


def _runner(task: HouseFunction, house: House) -> lambda_.Function:
    """CDK's own trigger does the same on Node, in seconds where this takes a moment, and with a wider role."""
    name = f"{task.name}-run"
    may_invoke = Allow(["lambda:InvokeFunction"], [house.names.arn("lambda", f"function:{task.name}")])
    runs_as = role(task, "RunnerRole", "lambda", [may_log(house, name), may_invoke])
    runner = lambda_.Function(
        task,
        "Runner",
        function_name=name,
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        code=lambda_.Code.from_asset(str(RUNNER.parent)),
        handler="index.handler",
        role=iam.Role.from_role_arn(task, "RunnerFixed", runs_as.attr_arn, mutable=False),
        timeout=LONGEST,
        log_group=function_log(task, "RunnerLog", house, name),
        logging_format=lambda_.LoggingFormat.JSON,
    )
    accept(runner, "L1", RUNTIME_REASON)
    return runner
