"""Is each dependency there? One cheap call each, never raising."""

import os
import time
from collections.abc import Callable

from functions.platform.schemas import CheckOut, ChecksOut, ReadyOut, State
from shared import aws, observe
from shared.sql.connection import reading


def readiness() -> ReadyOut:
    """Probe everything: `down` without the database or the key-value store, `degraded` without files or queues."""
    checks = ChecksOut(aurora=_probe(_database), dynamodb=_probe(_key_value), s3=_probe(_files), queue=_probe(_queue))
    vital = {checks.aurora.status, checks.dynamodb.status}
    helpful = {checks.s3.status, checks.queue.status}
    status: State = "down" if "down" in vital else "degraded" if "down" in helpful else "ok"
    return ReadyOut(status=status, checks=checks)


def _probe(look: Callable[[], object]) -> CheckOut:
    started = time.monotonic()
    try:
        look()
    except Exception as error:  # noqa: BLE001 - a probe reports whatever went wrong
        observe.warn("probe failed", probe=look.__name__, reason=type(error).__name__)
        return CheckOut(status="down", latency_ms=_since(started), reason=type(error).__name__)
    return CheckOut(status="ok", latency_ms=_since(started))


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _database() -> None:
    with reading() as db:
        db.execute("SELECT 1 FROM platform.outbox_events LIMIT 1")


def _key_value() -> None:
    key = {"pk": {"S": "RL#health"}, "sk": {"S": "TAT"}}
    aws.client("dynamodb").get_item(TableName=os.environ["TABLE_OPS"], Key=key)


def _files() -> None:
    aws.client("s3").list_objects_v2(Bucket=os.environ["BUCKET_EXPORTS"], MaxKeys=1, Prefix="health/")


def _queue() -> None:
    aws.client("sqs").get_queue_attributes(QueueUrl=os.environ["QUEUE_EXPORT"], AttributeNames=["QueueArn"])
