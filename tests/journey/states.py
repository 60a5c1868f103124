"""Step Functions in miniature: the API that the product calls, and an interpreter of the state machines it defines.

Enough of Amazon States Language for our workflows: Task (Lambda, also with a task token), Choice, Wait, Pass, Succeed,
Fail, Retry and Catch, with JSONPath input and output. An execution that is asked for twice is the same one.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Invoke = Callable[[str, dict[str, Any]], Any]
_MOST_STEPS = 500


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
    attempts: dict[str, int] = field(default_factory=dict)


class StateMachines:
    """Executions by name, stepped by `run`; tokens answered through the API."""

    def __init__(self, definitions: dict[str, dict[str, Any]], invoke: Invoke) -> None:
        self.definitions = definitions
        self.invoke = invoke
        self.executions: dict[str, Execution] = {}
        self._lock = threading.Lock()

    def start(self, machine: str, name: str, text: str) -> None:
        """StartExecution; the same name and input again is the same execution."""
        with self._lock:
            if name not in self.executions:
                self.executions[name] = Execution(machine, name, json.loads(text), self.definitions[machine]["StartAt"])

    def answer(self, token: str, output: Any, *, failed: bool = False) -> bool:
        """SendTaskSuccess or SendTaskFailure; False when nobody waits for the token."""
        for execution in self.executions.values():
            if execution.waiting_for == token:
                execution.waiting_for, execution.answer = None, ("failed" if failed else "ok", output)
                return True
        return False

    def run(self) -> bool:
        """Step every execution as far as it goes; True when anything moved."""
        moved = False
        for execution in list(self.executions.values()):
            for _ in range(_MOST_STEPS):
                if execution.status != "RUNNING" or execution.waiting_for:
                    break
                self._step(execution)
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
            kind, output = execution.answer
            execution.answer = None
            if kind == "failed":
                self._caught(execution, state, RuntimeError(str(output)))
                return
        else:
            parameters = state.get("Parameters") or state.get("Arguments")
            payload = _fill(parameters, execution.data, token) if parameters is not None else execution.data
            function = state["Resource"]
            if isinstance(payload, dict) and "FunctionName" in payload:
                function, payload = payload["FunctionName"], payload.get("Payload", {})
            try:
                output = self.invoke(_task_name(function), payload)
            except Exception as error:  # noqa: BLE001 - whatever a task raises is for Retry and Catch
                self._caught(execution, state, error)
                return
            if state["Resource"].endswith(".waitForTaskToken"):
                if execution.answer is None:
                    execution.waiting_for = token
                return
            if "lambda:invoke" in state["Resource"]:
                output = {"Payload": output}
        if "ResultSelector" in state:
            output = _fill(state["ResultSelector"], output, token)
        execution.data = _put(execution.data, state.get("ResultPath", "$"), output)
        if "OutputPath" in state:
            execution.data = _get(execution.data, state["OutputPath"])
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


def _fill(template: Any, data: Any, token: str) -> Any:
    if isinstance(template, dict):
        filled = {}
        for key, value in template.items():
            if key.endswith(".$"):
                if value == "$$.Task.Token":
                    filled[key[:-2]] = token
                elif value.startswith("$$."):
                    filled[key[:-2]] = value
                else:
                    filled[key[:-2]] = _get(data, value)
            else:
                filled[key] = _fill(value, data, token)
        return filled
    return template


def _holds(rule: dict[str, Any], data: Any) -> bool:
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    if "Or" in rule:
        return any(_holds(part, data) for part in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    try:
        value = _get(data, rule["Variable"])
    except (KeyError, TypeError):
        return rule.get("IsPresent") is False
    for name, expected in rule.items():
        if name in {"StringEquals", "NumericEquals", "BooleanEquals"}:
            return bool(value == expected)
        if name == "NumericGreaterThanEquals":
            return bool(value >= expected)
        if name == "NumericGreaterThan":
            return bool(value > expected)
        if name == "NumericLessThan":
            return bool(value < expected)
        if name == "IsPresent":
            return bool(expected)
    raise AssertionError(f"this interpreter does not know {rule}")


@contextmanager
def serving(machines: StateMachines) -> Iterator[str]:
    """The API over loopback HTTP; gives its address for AWS_ENDPOINT_URL_SFN."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            action = self.headers["x-amz-target"].split(".")[1]
            status, reply = 200, {}
            if action == "StartExecution":
                machine = body["stateMachineArn"].rsplit(":", 1)[1]
                machines.start(machine, body["name"], body["input"])
                reply = {"executionArn": f"arn:execution:{machine}:{body['name']}", "startDate": 0}
            elif action == "SendTaskSuccess":
                if not machines.answer(body["taskToken"], json.loads(body["output"])):
                    status, reply = 400, {"__type": "TaskTimedOut", "message": "nobody waits"}
            elif action == "SendTaskFailure":
                if not machines.answer(body["taskToken"], body.get("cause"), failed=True):
                    status, reply = 400, {"__type": "TaskTimedOut", "message": "nobody waits"}
            text = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
