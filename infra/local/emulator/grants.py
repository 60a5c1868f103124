"""Names the resources of three calls as AWS does; ministack authorizes them on `*` or on the wrong group.

Without this, a grant as narrow as the cloud's is refused here: sending mail as one address, entries of one schedule
group, and answers to tasks of one workflow.
"""

# Replacing what is private to ministack is the purpose of this file; the version is pinned.
# ruff: noqa: SLF001

import json
import threading
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote

from infra.local.emulator import Emulated

MAIL = "/v2/email/outbound-emails"
ENTRY = "/schedules/"


def name_resources(iam_actions: Emulated, stepfunctions: Emulated) -> None:
    """Wrap the look-up of the resource a request is about."""
    resource_of = iam_actions.extract_resource_arn
    machine_of = _remember_machines(stepfunctions)

    def resource(*request: Any) -> str:
        service, _, path, headers, body, query, region, account = request
        here = f"{region}:{account}"
        if service == "ses" and path.rstrip("/") == MAIL:
            return f"arn:aws:ses:{here}:identity/{parseaddr(_field(body, 'FromEmailAddress'))[1]}"
        if service == "scheduler" and path.startswith(ENTRY):
            group = _field(body, "GroupName") or "".join(query.get("groupName", [])) or "default"
            return f"arn:aws:scheduler:{here}:schedule/{group}/{unquote(path.removeprefix(ENTRY))}"
        if service == "states" and ".SendTask" in headers.get("x-amz-target", ""):
            return machine_of.get(_field(body, "taskToken"), "*")
        named: str = resource_of(*request)
        return named

    iam_actions.extract_resource_arn = resource


def _remember_machines(stepfunctions: Emulated) -> dict[str, str]:
    """Which state machine each task token belongs to."""
    machine_of: dict[str, str] = {}
    running = threading.local()
    execute, invoke = stepfunctions._execute_task, stepfunctions._invoke_with_callback

    def execute_task(state: Any, given: Any, execution: Any, context: Any) -> Any:
        running.machine = context["StateMachine"]["Id"]
        return execute(state, given, execution, context)

    def invoke_with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        machine_of[token] = running.machine
        return invoke(resource, given, token, state)

    stepfunctions._execute_task, stepfunctions._invoke_with_callback = execute_task, invoke_with_callback
    return machine_of


def _field(body: bytes, name: str) -> str:
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(told.get(name) or "") if isinstance(told, dict) else ""
