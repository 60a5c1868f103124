"""Workflow: keeps the token by which the execution waits for an operator."""

from typing import Any

from functions.finance.service import payouts
from shared.workflow import step


def wait(event: dict[str, Any]) -> dict[str, Any]:
    """What the workflow goes on with is the operator's decision, not this answer."""
    payouts.await_decision(event["withdrawal_id"], event["task_token"])
    return {}


handler = step(wait, "await_decision", subject="withdrawal_id")
