"""One-off entries of EventBridge Scheduler. Each has a name that says what it is for and when, so making one twice makes one."""

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from shared import aws
from shared.settings import Settings


class EntrySettings(Settings):
    """What the manifest's `Schedules` grant gives."""

    schedule_group: str
    schedule_role: str
    schedule_target: str


def create(name: str, moment: datetime, given: dict[str, Any]) -> None:
    """Have the granted function called with `given` at this moment; the entry deletes itself afterwards."""
    settings = EntrySettings.load()
    entry: dict[str, Any] = {
        "Name": name,
        "GroupName": settings.schedule_group,
        "ScheduleExpression": f"at({moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": settings.schedule_target,
            "RoleArn": settings.schedule_role,
            "Input": json.dumps(given),
        },
    }
    _unless("ConflictException", aws.client("scheduler").create_schedule, **entry)


def delete(name: str) -> None:
    """Take an entry back; one that has fired, or never was, is gone already."""
    group = EntrySettings.load().schedule_group
    _unless("ResourceNotFoundException", aws.client("scheduler").delete_schedule, Name=name, GroupName=group)


def _unless(fine: str, call: Any, **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != fine:
            raise
