"""Step Functions from inside: starting an execution under a name of ours, and the handlers of its tasks."""

import json
import os
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from shared import aws, observe

Step = Callable[[dict[str, Any]], dict[str, Any]]


def start(workflow: str, name: str, given: dict[str, Any]) -> str | None:
    """Start an execution of a workflow the manifest grants; its ARN, or None when one of that name was started before."""
    try:
        started: dict[str, Any] = aws.client("stepfunctions").start_execution(
            stateMachineArn=os.environ[f"WORKFLOW_{workflow.upper()}"], name=name, input=json.dumps(given)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            return None
        raise
    return str(started["executionArn"])


def step(work: Step, name: str, *, subject: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A task's handler: the state's input in, what comes next out, one line in the log. `subject` names the id within."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        ids = {subject: event[subject], "request_id": getattr(context, "aws_request_id", None)}
        observe.bind(step=name, **ids)
        said = work(event)
        observe.info("step done", next=said.get("next"))
        observe.flush()
        return said

    return handler
