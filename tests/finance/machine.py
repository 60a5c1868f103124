"""A Step Functions of our own, which runs the workflow of withdrawals."""

import json
from pathlib import Path
from typing import Any, Protocol

from shared import aws
from shared.ids import new_ulid
from tests.payments.build import Crash

ASL = Path(__file__).resolve().parents[2] / "functions/finance/workflows/withdrawal.asl.json"


class Worker(Protocol):
    """Who does the tasks, and whose clock waits move."""

    def task(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """One step."""

    def pass_time(self, **span: float) -> None:
        """Let time pass."""


class StillRunningError(Exception):
    """The executions did not end or wait within the turns they were given."""


class Machine:
    """Runs `withdrawal.asl.json` as Step Functions would: tapped from the wire of the real client, waits move the clock."""

    def __init__(self, desk: Worker) -> None:
        self.desk = desk
        self.states: dict[str, Any] = json.loads(ASL.read_text())["States"]
        self.first: str = json.loads(ASL.read_text())["StartAt"]
        self.executions: dict[str, tuple[str, dict[str, Any]]] = {}
        self.waiting: dict[str, str] = {}
        self.answered: list[str] = []
        self.dies_on: str | None = None
        events = aws.client("stepfunctions").meta.events
        events.register("before-parameter-build.sfn.StartExecution", self._started)
        events.register("before-parameter-build.sfn.SendTaskSuccess", self._told)

    def detach(self) -> None:
        """Stop hearing the wire."""
        events = aws.client("stepfunctions").meta.events
        events.unregister("before-parameter-build.sfn.StartExecution", self._started)
        events.unregister("before-parameter-build.sfn.SendTaskSuccess", self._told)

    def _started(self, params: dict[str, Any], **_: Any) -> None:
        if not params["stateMachineArn"].endswith("withdrawal"):
            return
        self._maybe_die("start")
        self.executions.setdefault(params["name"], (self.first, json.loads(params["input"])))

    def _told(self, params: dict[str, Any], **_: Any) -> None:
        self._maybe_die("tell")
        self.answered.append(params["taskToken"])
        name = self.waiting.pop(params["taskToken"], None)
        if name is not None:
            self.executions[name] = (self.states["AwaitDecision"]["Next"], json.loads(params["output"]))

    def _maybe_die(self, verb: str) -> None:
        if self.dies_on == verb:
            self.dies_on = None
            raise Crash(verb)

    def run(self, most: int = 500) -> None:
        """Let every execution go on until it ends or waits for a person. A task that dies is retried, as the ASL says."""
        for _ in range(most):
            live = [name for name, (state, _) in self.executions.items() if state not in {"Done", "AwaitingToken"}]
            if not live:
                return
            for name in live:
                self._advance(name)
        raise StillRunningError(self.executions)

    def _advance(self, name: str) -> None:
        at, told = self.executions[name]
        state = self.states[at]
        match state["Type"]:
            case "Task" if "waitForTaskToken" in state["Resource"]:
                token = new_ulid()
                self.waiting[token] = name
                self.executions[name] = ("AwaitingToken", told)
                self.desk.task("await_decision", {"withdrawal_id": told["withdrawal_id"], "task_token": token})
            case "Task":
                try:
                    said = self.desk.task(state["Resource"][2:-1], told)
                except Crash:
                    assert state["Retry"]
                    return
                self.executions[name] = (state["Next"], said)
            case "Choice":
                choices = (c["Next"] for c in state["Choices"] if told[c["Variable"][2:]] == c["StringEquals"])
                self.executions[name] = (next(choices, state["Default"]), told)
            case "Wait":
                self.desk.pass_time(seconds=told[state["SecondsPath"][2:]])
                self.executions[name] = (state["Next"], told)
