"""One-off entries of EventBridge Scheduler, each named for the work and the time, so that making one twice makes one."""

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from shared import aws
from shared.settings import Settings


class SchedulerSettings(Settings):
    """What the manifest's `Schedules` grant gives."""

    schedule_group: str
    schedule_role: str
    schedule_target: str


def publish_at(content_id: int, moment: datetime) -> None:
    """Have `publish_content` called with this work at this moment; the entry deletes itself afterwards."""
    settings = SchedulerSettings.load()
    at = moment.astimezone(UTC)
    entry: dict[str, Any] = {
        "Name": f"content-publish-{content_id}-{int(at.timestamp())}",
        "GroupName": settings.schedule_group,
        "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": settings.schedule_target,
            "RoleArn": settings.schedule_role,
            "Input": json.dumps({"content_id": content_id}),
        },
    }
    try:
        aws.client("scheduler").create_schedule(**entry)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
