"""The log of a function: kept for a month, errors in it counted, written by that function only."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.platform.alarms import METRICS
from infra.platform.house import House
from infra.policy import Allow


def function_log(scope: Construct, name: str, house: House, function: str) -> logs.LogGroup:
    """The log group of a function, by the function's full name."""
    log = logs.LogGroup(
        scope,
        name,
        log_group_name=f"/aws/lambda/{function}",
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    if house.stage.alarms:
        # One metric for the whole house, for the rule error_logs.
        logs.MetricFilter(
            scope,
            f"{name}Errors",
            log_group=log,
            metric_namespace=METRICS,
            metric_name="error_lines",
            filter_pattern=logs.FilterPattern.string_value("$.level", "=", "ERROR"),
        )
    return log


def may_log(house: House, function: str) -> Allow:
    """Write to that log."""
    streams = house.names.arn("logs", f"log-group:/aws/lambda/{function}:log-stream:*")
    return Allow(["logs:CreateLogStream", "logs:PutLogEvents"], [streams], wildcard="Streams of its own log.")
