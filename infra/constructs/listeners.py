"""Functions that hear something: a fact, a queue, an upload, a table's changes. Each fails into a queue of its own."""

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_

from infra.constructs.function import HouseFunction
from infra.constructs.grants import through_service
from infra.constructs.scope import DomainScope
from infra.platform.queues import dead_letters, pair, take_from
from infra.policy import Allow
from shared.manifest import Function, OnEvent, OnQueue, OnStream, OnUpload

STREAM_ATTEMPTS = 5
STREAM_BATCH = 100
EVENT_BATCH = 10


def on_event(scope: DomainScope, function: OnEvent) -> HouseFunction:
    """Bus → rule → queue → function. What the bus cannot deliver goes to the same dead-letter queue."""
    parts = (scope.domain, function.name)
    made = _reader(scope, function, scope.names.queue_arn(*parts))
    heard = pair(made, "Heard", *parts, house=scope.house, timeout=function.timeout)
    dead = events.CfnRule.DeadLetterConfigProperty(arn=heard.dead.queue_arn)
    rule = events.CfnRule(
        made,
        "Rule",
        name=scope.names.of(*parts),
        event_bus_name=scope.names.bus,
        event_pattern={"source": [function.event.event_source()], "detail-type": [function.event.NAME]},
        targets=[events.CfnRule.TargetProperty(id="queue", arn=heard.queue.queue_arn, dead_letter_config=dead)],
    )
    for queue in (heard.queue, heard.dead):
        take_from(queue, "events", {"ArnEquals": {"aws:SourceArn": rule.attr_arn}})
    _feed(made, heard.queue.queue_arn, EVENT_BATCH)
    return made


def on_queue(scope: DomainScope, function: OnQueue) -> HouseFunction:
    """A named queue, which the foundation holds, → function."""
    queue = scope.names.queue_arn(function.queue)
    made = _reader(scope, function, queue)
    _feed(made, queue, function.batch_size)
    return made


def on_upload(scope: DomainScope, function: OnUpload) -> HouseFunction:
    """Bucket → queue, both of which the foundation holds, → function."""
    queue = scope.names.queue_arn(scope.domain, function.name)
    made = _reader(scope, function, queue)
    _feed(made, queue, EVENT_BATCH)
    return made


def on_stream(scope: DomainScope, function: OnStream) -> HouseFunction:
    """Table stream → function: in order for each key, a failing batch halved until the bad record stands alone."""
    stream = scope.foundation.stream_arns[function.group]
    failed = scope.names.queue_arn(scope.domain, function.name, "dlq")
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    made = HouseFunction(
        scope,
        function,
        extra=[
            Allow(reads, [stream]),
            Allow(["dynamodb:ListStreams"], ["*"], wildcard="Listing streams knows no resource."),
            Allow(["sqs:SendMessage"], [failed]),
            through_service(scope.foundation, "dynamodb", "Decrypt"),
        ],
    )
    dead = dead_letters(made, "Failed", scope.domain, function.name, house=scope.house)
    lambda_.CfnEventSourceMapping(
        made,
        "Stream",
        event_source_arn=stream,
        function_name=made.resource.function_arn,
        starting_position="TRIM_HORIZON",
        batch_size=STREAM_BATCH,
        maximum_batching_window_in_seconds=1,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=STREAM_ATTEMPTS,
        function_response_types=["ReportBatchItemFailures"],
        destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=dead.queue_arn)
        ),
    )
    return made


def _reader(scope: DomainScope, function: Function, queue_arn: str) -> HouseFunction:
    takes = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return HouseFunction(scope, function, extra=[Allow(takes, [queue_arn])])


def _feed(made: HouseFunction, queue_arn: str, batch: int) -> None:
    """Messages of a queue, in batches; the function reports those that failed one by one."""
    lambda_.CfnEventSourceMapping(
        made,
        "Messages",
        event_source_arn=queue_arn,
        function_name=made.resource.function_arn,
        batch_size=batch,
        function_response_types=["ReportBatchItemFailures"],
    )
