"""`make logs FN=…`: what functions write, from CloudWatch Logs of the laptop cloud or of AWS."""

import sys
import time
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from infra.local import aws
from infra.local.command import exit_code
from infra.local.settings import Local, Unusable

POLL_SECONDS = 1
LOOK_BACK_SECONDS = 600


def main() -> None:
    """Print the last ten minutes, then follow; raises Unusable when no log fits or there is no way to AWS."""
    part, stage = sys.argv[1], sys.argv[2]
    logs = aws.client(Local.from_environment(), "logs") if stage == "local" else Session().create_client("logs")
    try:
        _follow(logs, _groups(logs, f"sharestack-{stage}-", part))
    except (BotoCoreError, ClientError) as problem:
        raise Unusable(str(problem)) from problem


def _groups(logs: Any, prefix: str, part: str) -> list[str]:
    pages = logs.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    fitting = [name for name in names if prefix in name and part in name]
    if not fitting:
        message = f"no function named {prefix}…{part}… has written anything"
        raise Unusable(message)
    return fitting


def _follow(logs: Any, groups: list[str]) -> None:
    since = int((time.time() - LOOK_BACK_SECONDS) * 1000)
    shown: set[tuple[str, int, str]] = set()
    while True:
        for group in groups:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            for event in (event for page in pages for event in page["events"]):
                written = (event["logStreamName"], event["timestamp"], event["message"])
                if written not in shown:
                    shown.add(written)
                    _show(group, event)
        time.sleep(POLL_SECONDS)


def _show(group: str, event: dict[str, Any]) -> None:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    print(f"{at:%H:%M:%S} {group.rpartition('/')[2]} {event['message'].rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(exit_code(main))
