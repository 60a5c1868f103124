"""Step Functions in miniature: what the product's client calls, and an interpreter of the state machines it defines.

Enough of Amazon States Language for our workflows: Task (Lambda, also with a task token), Choice, Wait, Pass, Map, Succeed,
Fail, Retry and Catch, with JSONPath input and output. An execution that is asked for twice is the same one.
"""

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from shared import aws, clock

Invoke = Callable[[str, dict[str, Any]], Any]
_MOST_STEPS = 500
_AT_ONCE = 3


@dataclass
class Execution:
    """A running state machine."""

    machine: str
    name: str
    data: Any
    state: str
    status: str = "RUNNING"
    waiting_for: str | None = None
    answer: Any = None
    is_asleep: bool = False
    attempts: dict[str, int] = field(default_factory=dict)
    passed: dict[str, list[datetime]] = field(default_factory=dict)


class StateMachines:
    """Executions by name, stepped by `run`; tokens answered through the API."""

    def __init__(self, definitions: dict[str, dict[str, Any]], invoke: Invoke) -> None:
        self.definitions = definitions
        self.invoke = invoke
        self.executions: dict[str, Execution] = {}

    def started(self, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """StartExecution; the same name again is the same execution."""
        machine, name = body["stateMachineArn"].rsplit(":", 1)[1], body["name"]
        if name not in self.executions:
            self.executions[name] = Execution(machine, name, json.loads(body["input"]), self.definitions[machine]["StartAt"])
        return _reply(200, {"executionArn": f"arn:aws:states:us-east-1:123456789012:execution:{machine}:{name}"})

    def told(self, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """SendTaskSuccess; TaskTimedOut when nobody waits for the token."""
        for execution in self.executions.values():
            if execution.waiting_for == body["taskToken"]:
                execution.waiting_for, execution.answer = None, json.loads(body["output"])
                return _reply(200, {})
        return _reply(400, {"Error": {"Code": "TaskTimedOut", "Message": "nobody waits for this token"}})

    def run(self) -> bool:
        """Step every execution as far as it goes; True when anything moved."""
        moved = False
        for execution in list(self.executions.values()):
            waited: set[str] = set()
            for _ in range(_MOST_STEPS):
                if execution.status != "RUNNING" or execution.waiting_for or execution.state in waited:
                    break
                if self.definitions[execution.machine]["States"][execution.state]["Type"] == "Wait":
                    waited.add(execution.state)  # waiting a second time, it waits for others to move
                self._step(execution)
                if execution.is_asleep:
                    break
                moved = True
            else:
                raise AssertionError(f"{execution.name} never ends")
        return moved

    def _step(self, execution: Execution) -> None:
        state = self.definitions[execution.machine]["States"][execution.state]
        step = getattr(self, f"_{state['Type'].lower()}")
        step(execution, state)

    def _next(self, execution: Execution, state: dict[str, Any]) -> None:
        if state.get("End"):
            execution.status = "SUCCEEDED"
        else:
            execution.state = state["Next"]

    def _pass(self, execution: Execution, state: dict[str, Any]) -> None:
        if "Result" in state:
            execution.data = _put(execution.data, state.get("ResultPath", "$"), state["Result"])
        self._next(execution, state)

    def _wait(self, execution: Execution, state: dict[str, Any]) -> None:
        """Until a time, waits on the product's clock. A number of seconds passes at once, but only so often before they really
        have: what looks again until a time has come would else never rest.
        """
        until = state.get("TimestampPath")
        execution.is_asleep = until is not None and clock.now() < datetime.fromisoformat(_get(execution.data, until))
        if "SecondsPath" in state:
            span = timedelta(seconds=_get(execution.data, state["SecondsPath"]))
            recent = [at for at in execution.passed.get(execution.state, ()) if at > clock.now() - span]
            execution.is_asleep = len(recent) >= _AT_ONCE
            execution.passed[execution.state] = recent if execution.is_asleep else [*recent, clock.now()]
        if not execution.is_asleep:
            self._next(execution, state)

    def _succeed(self, execution: Execution, _state: dict[str, Any]) -> None:
        execution.status = "SUCCEEDED"

    def _fail(self, execution: Execution, _state: dict[str, Any]) -> None:
        execution.status = "FAILED"

    def _choice(self, execution: Execution, state: dict[str, Any]) -> None:
        for rule in state["Choices"]:
            if _holds(rule, execution.data):
                execution.state = rule["Next"]
                return
        execution.state = state["Default"]

    def _task(self, execution: Execution, state: dict[str, Any]) -> None:
        token = f"token-{execution.name}-{execution.state}"
        if execution.answer is not None:
            output, execution.answer = execution.answer, None
        else:
            parameters = state.get("Parameters") or state.get("Arguments")
            payload = _fill(parameters, execution.data, token) if parameters is not None else execution.data
            function = state["Resource"]
            if isinstance(payload, dict) and "FunctionName" in payload:
                function, payload = payload["FunctionName"], payload.get("Payload", {})
            waits = state["Resource"].endswith(".waitForTaskToken")
            execution.waiting_for = token if waits else None
            try:
                output = self.invoke(_task_name(function), payload)
            except Exception as error:  # noqa: BLE001 - whatever a task raises is for Retry and Catch
                self._caught(execution, state, error)
                return
            if waits:
                return
            if "lambda:invoke" in state["Resource"]:
                output = {"Payload": output}
        if "ResultSelector" in state:
            output = _fill(state["ResultSelector"], output, token)
        execution.data = _put(execution.data, state.get("ResultPath", "$"), output)
        if "OutputPath" in state:
            execution.data = _get(execution.data, state["OutputPath"])
        self._next(execution, state)

    def _map(self, execution: Execution, state: dict[str, Any]) -> None:
        """Item by item, each an execution of its own; those that fail are counted."""
        items, results = _get(execution.data, state.get("ItemsPath", "$")), []
        for index, item in enumerate(items):
            given = _fill(state["ItemSelector"], execution.data, "", item) if "ItemSelector" in state else item
            child = StateMachines({"item": state["ItemProcessor"]}, self.invoke)
            child.started({"stateMachineArn": ":item", "name": f"{execution.name}-{index}", "input": json.dumps(given)})
            try:
                child.run()
            except Exception:  # noqa: BLE001 - whatever a child died of, it failed
                continue
            results.append(child.executions[f"{execution.name}-{index}"].data)
        if (len(items) - len(results)) * 100 > state.get("ToleratedFailurePercentage", 0) * len(items):
            self._caught(execution, state, RuntimeError("States.ExceedToleratedFailureThreshold"))
            return
        execution.data = _put(execution.data, state.get("ResultPath", "$"), results)
        self._next(execution, state)

    def _caught(self, execution: Execution, state: dict[str, Any], error: Exception) -> None:
        most = max((retry.get("MaxAttempts", 3) for retry in state.get("Retry", [])), default=0)
        used = execution.attempts.get(execution.state, 0)
        if used < most:
            execution.attempts[execution.state] = used + 1
            return
        for catch in state.get("Catch", []):
            told = {"Error": type(error).__name__, "Cause": str(error)}
            execution.data = _put(execution.data, catch.get("ResultPath", "$"), told)
            execution.state = catch["Next"]
            return
        raise error


def _task_name(function: str) -> str:
    match = re.fullmatch(r"\$\{(\w+)\}", function)
    return match[1] if match else function


def _get(data: Any, path: str) -> Any:
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            data = data[part]
    return data


def _put(data: Any, path: str | None, value: Any) -> Any:
    if path is None:
        return data
    if path == "$":
        return value
    first, _, rest = path.removeprefix("$.").partition(".")
    inner = (data or {}).get(first, {}) if rest else None
    return {**(data or {}), first: _put(inner, f"$.{rest}", value) if rest else value}


def _fill(template: Any, data: Any, token: str, item: Any = None) -> Any:
    if isinstance(template, dict):
        filled = {}
        for key, value in template.items():
            if key.endswith(".$"):
                if value == "$$.Task.Token":
                    filled[key[:-2]] = token
                elif value == "$$.Map.Item.Value":
                    filled[key[:-2]] = item
                elif value.startswith("$$."):
                    filled[key[:-2]] = value
                else:
                    filled[key[:-2]] = _get(data, value)
            else:
                filled[key] = _fill(value, data, token, item)
        return filled
    return template


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": operator.eq,
    "NumericEquals": operator.eq,
    "BooleanEquals": operator.eq,
    "NumericGreaterThanEquals": operator.ge,
    "NumericGreaterThan": operator.gt,
    "NumericLessThan": operator.lt,
}


def _holds(rule: dict[str, Any], data: Any) -> bool:
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    if "Or" in rule:
        return any(_holds(part, data) for part in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    ((name, expected),) = ((key, value) for key, value in rule.items() if key not in {"Variable", "Next"})
    return _COMPARISONS[name](_get(data, rule["Variable"]), expected)


def tap(machines: StateMachines) -> None:
    """Answer the product's own client: its Step Functions calls end here instead of on the network."""
    session: Any = aws.session()
    session.register("before-call.sfn.StartExecution", lambda params, **_: machines.started(_body(params)))
    session.register("before-call.sfn.SendTaskSuccess", lambda params, **_: machines.told(_body(params)))


def _body(params: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(params["body"])
    return body


def _reply(status: int, parsed: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return SimpleNamespace(status_code=status), parsed | {"ResponseMetadata": metadata}
