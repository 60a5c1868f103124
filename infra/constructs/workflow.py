"""A state machine of a domain: its own `workflows/<name>.asl.json`, with `${task}` standing for a function's ARN."""

import re

from aws_cdk import RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.function import TRACES
from infra.constructs.scope import DomainScope, construct_id
from infra.manifests import REPOSITORY, ManifestError
from infra.platform.alarms import WINDOW
from infra.policy import Allow, role
from shared.manifest import Workflow

_SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets")
_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


def _map_runs(scope: DomainScope, workflow: Workflow, name: str) -> tuple[Allow, Allow]:
    """What a Distributed Map needs: its items are executions of the state machine itself."""
    children = scope.names.arn("states", f"execution:{name}/*")
    return (
        Allow(["states:StartExecution"], [scope.names.workflow_arn(scope.domain, workflow.name)]),
        Allow(
            ["states:DescribeExecution", "states:StopExecution"],
            [children],
            wildcard="Executions are named at run time; those of a Map all begin with the state machine's name.",
        ),
    )


class HouseWorkflow(Construct):
    """Traced, every step logged without its data, allowed to call its own tasks and nothing else."""

    def __init__(self, scope: DomainScope, workflow: Workflow) -> None:
        super().__init__(scope.stack, f"{construct_id(workflow.name)}Workflow")
        name = scope.names.of(scope.domain, workflow.name)
        definition = (REPOSITORY / "functions" / scope.domain / "workflows" / f"{workflow.name}.asl.json").read_text(
            encoding="utf-8"
        )
        named = set(re.findall(r"\$\{(\w+)\}", definition))
        if named != set(workflow.tasks):
            message = (
                f"workflow {scope.domain}.{workflow.name} calls {sorted(named)}, its manifest lists {sorted(workflow.tasks)}"
            )
            raise ManifestError(message)
        tasks = {task: scope.names.function_arn(scope.domain, task) for task in workflow.tasks}
        log = logs.LogGroup(
            self,
            "Log",
            # Under this prefix the log's resource policy does not grow with every state machine of the account.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        runs_as = role(
            self,
            "Role",
            "states",
            [
                Allow(["lambda:InvokeFunction"], list(tasks.values())),
                *(_map_runs(scope, workflow, name) if '"DISTRIBUTED"' in definition else ()),
                Allow([*TRACES, *_SAMPLING, *_DELIVERY], ["*"], wildcard="X-Ray and log delivery know no resources."),
            ],
        )
        destination = stepfunctions.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=log.log_group_arn
            )
        )
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            role_arn=runs_as.attr_arn,
            definition_string=definition,
            definition_substitutions=tasks,
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL", include_execution_data=False, destinations=[destination]
            ),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        self.arn = machine.attr_arn
        failed = cloudwatch.Metric(
            namespace="AWS/States",
            metric_name="ExecutionsFailed",
            dimensions_map={"StateMachineArn": self.arn},
            statistic="Sum",
            period=WINDOW,
        )
        scope.house.alarms.above(self, "FailedAlarm", failed, 0, "An execution failed: its case has no owner but us.")
