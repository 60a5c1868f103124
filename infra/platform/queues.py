"""SQS queues. Each has a dead-letter queue beside it, which takes a message after five attempts."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import accept
from infra.platform.house import House
from infra.policy import Allow, Condition, by_service

RECEIVES = 5
KEPT = Duration.days(14)


@dataclass(frozen=True)
class Pair:
    """A queue and its dead-letter queue."""

    queue: sqs.Queue
    dead: sqs.Queue


def dead_letters(scope: Construct, name: str, *parts: str, house: House) -> sqs.Queue:
    """A queue for what failed, named `<parts>-dlq`; anything in it is an alarm."""
    dead = sqs.Queue(
        scope,
        f"{name}Dead",
        queue_name=house.names.of(*parts, "dlq"),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=house.stage.requires_tls,
        retention_period=KEPT,
    )
    accept(dead, "SQS3", "It is a dead-letter queue itself.")
    house.alarms.dead_letters(scope, f"{name}DeadAlarm", dead)
    return dead


def pair(scope: Construct, name: str, *parts: str, house: House, timeout: int) -> Pair:
    """A queue named after the parts, for a consumer with that timeout in seconds.

    A message stays hidden for six timeouts, as Lambda asks, so that a throttled poll is not counted as an attempt.
    """
    dead = dead_letters(scope, name, *parts, house=house)
    queue = sqs.Queue(
        scope,
        f"{name}Queue",
        queue_name=house.names.of(*parts),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=house.stage.requires_tls,
        retention_period=KEPT,
        visibility_timeout=Duration.seconds(6 * timeout),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=RECEIVES),
    )
    house.alarms.backlog(scope, f"{name}BacklogAlarm", queue)
    return Pair(queue, dead)


def take_from(queue: sqs.Queue, service: str, condition: Condition) -> None:
    """Let an AWS service send to the queue, under a condition that names what it may speak for."""
    statement = by_service(service, Allow(["sqs:SendMessage"], [queue.queue_arn], condition))
    queue.add_to_resource_policy(iam.PolicyStatement.from_json(statement))
