"""The handler of a workflow task: the id in, what comes next out, one line in the log."""

from collections.abc import Callable
from typing import Any

from shared import observe


def step(work: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler that gives the state's input to `work` and its answer to the workflow."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        observe.bind(
            step=name,
            withdrawal_id=event["withdrawal_id"],
            request_id=getattr(context, "aws_request_id", None),
        )
        said = work(event)
        observe.info("step done", next=said.get("next"))
        observe.flush()
        return said

    return handler
