"""Answers CloudFormation for a deploy task: invokes it and waits. Runs alone in its zip, on what Lambda's runtime brings."""

import json
import urllib.request
from typing import Any

import boto3
from botocore.config import Config

LONGEST_SECONDS = 900
LONGEST_REASON = 2000


def handler(event: dict[str, Any], _context: object) -> None:
    """Invoke the task on create and update; a task that raises fails the deployment, with its message as the reason."""
    failure = None
    if event["RequestType"] != "Delete":
        try:
            failure = run(event["ResourceProperties"]["Function"])
        except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation must hear of it now, not in an hour
            failure = repr(error)
    answer(event, failure)


def run(function: str) -> str | None:
    """The function's own error, or None when it finished."""
    waits = Config(read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1})
    outcome = boto3.client("lambda", config=waits).invoke(FunctionName=function, Payload=b"{}")
    return outcome["Payload"].read().decode() if "FunctionError" in outcome else None


def answer(event: dict[str, Any], failure: str | None) -> None:
    """Tell CloudFormation how it went, by the address it gave."""
    body = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": (failure or "")[:LONGEST_REASON],
        "PhysicalResourceId": event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
        pass
