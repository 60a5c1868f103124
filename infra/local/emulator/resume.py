"""Runs workflows again that were under way when the emulator stopped; ministack would fail them, AWS would not notice.

They run again from their first state, with their input and name: every task of this product may be repeated.
"""

# Replacing what is private to ministack is the purpose of this file; the version is pinned.
# ruff: noqa: SLF001

import logging
import socket
import threading
import time
from typing import Any

from infra.local.emulator import Emulated

log = logging.getLogger("resume")

Key = tuple[str, str, str]


def resume_executions(stepfunctions: Emulated, responses: Emulated, port: int) -> None:
    """Wrap the restoring of state so that interrupted executions start again once the emulator serves requests."""
    load_state = stepfunctions.load_persisted_state

    def load_and_resume(state: dict[str, Any]) -> None:
        kept = state["executions"]._data
        interrupted: list[Key] = [key for key, execution in kept.items() if execution["status"] == "RUNNING"]
        load_state(state)
        for key in interrupted:
            execution = stepfunctions._executions._data[key]
            execution.update(status="RUNNING", stopDate=None)
            for outcome in ("error", "cause"):
                execution.pop(outcome, None)
            threading.Thread(target=run, args=(key,), daemon=True).start()

    def run(key: Key) -> None:
        account, region, arn = key
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        _wait_for(port)
        log.info("running %s again", arn)
        stepfunctions._run_execution(arn)

    stepfunctions.load_persisted_state = load_and_resume


def _wait_for(port: int) -> None:
    """Functions call back into the emulator, which listens only after its state is restored."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
