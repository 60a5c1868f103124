"""Runs of the settlement as Step Functions would run them: the ASL's own text, with the handlers of its tasks."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from functions.finance import begin_settlement, close_settlement, settle_creators
from shared.ids import new_ulid
from tests.journey.states import Execution, StateMachines

ASL = Path(__file__).resolve().parents[2] / "functions/finance/workflows/settlement.asl.json"
Task = Callable[[dict[str, Any]], dict[str, Any]]
EVERY_TASK: Final[Mapping[str, Task]] = {
    "begin_settlement": lambda event: begin_settlement.handler(event, None),
    "settle_creators": lambda event: settle_creators.handler(event, None),
    "close_settlement": lambda event: close_settlement.handler(event, None),
}


def run(name: str | None = None, tasks: Mapping[str, Task] = EVERY_TASK) -> Execution:
    """One execution from its first state; under a known name it is the same run once more."""
    name = name or new_ulid()
    machines = StateMachines({"settlement": json.loads(ASL.read_text())}, lambda task, given: tasks[task](given))
    machines.started({"stateMachineArn": ":settlement", "name": name, "input": json.dumps({"run": name})})
    machines.run()
    return machines.executions[name]
