"""Functions called by EventBridge Scheduler: on an expression, or by one-off entries a function of the domain makes."""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler

from infra.constructs.function import HouseFunction
from infra.constructs.scope import DomainScope
from infra.platform.queues import dead_letters
from infra.policy import Allow
from shared.manifest import Function, Scheduled

ATTEMPTS = 2
"""After the first. Scheduled work is re-entrant, and its next run catches up."""


def scheduled(scope: DomainScope, function: Scheduled) -> HouseFunction:
    """Expression → function, at the second, not in a flexible window."""
    made = called_by_scheduler(scope, function)
    scheduler.CfnSchedule(
        made,
        "Schedule",
        name=f"{scope.domain}-{function.name}",
        group_name=scope.names.schedule_group,
        schedule_expression=function.expression,
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=made.resource.function_arn,
            role_arn=scope.scheduler_role(function.name),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=_dead_letters_arn(scope, function)),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=ATTEMPTS),
        ),
    )
    return made


def called_by_scheduler(scope: DomainScope, function: Function) -> HouseFunction:
    """A function that Scheduler calls without waiting; what it fails at is kept in a queue."""
    made = HouseFunction(scope, function, extra=[Allow(["sqs:SendMessage"], [_dead_letters_arn(scope, function)])])
    dead = dead_letters(made, "Failed", scope.domain, function.name, house=scope.house)
    lambda_.CfnEventInvokeConfig(
        made,
        "Failures",
        function_name=made.resource.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=ATTEMPTS,
        destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
            on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=dead.queue_arn)
        ),
    )
    return made


def _dead_letters_arn(scope: DomainScope, function: Function) -> str:
    return scope.names.queue_arn(scope.domain, function.name, "dlq")
