"""The processes of the laptop cloud: start, wait until ready, start again when one dies, stop them all."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra.local.settings import REPOSITORY, Unusable

POLL_SECONDS = 0.1
RESTARTS = 3
RESTARTS_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Service:
    """One long-running process and how to tell that it is ready."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool]
    user: int | None = None
    stop_with: signal.Signals = signal.SIGTERM


class Household:
    """All processes of one laptop cloud. Leaving the context stops them, and so does dying in it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, tuple[Service, subprocess.Popen[bytes]]] = {}
        self._deaths: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RESTARTS))

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for old in self._logs.glob("*.log"):
            old.unlink()
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "infra.local.reaper"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C must not leave anything behind
        if self._reaper.stdin:
            self._reaper.stdin.close()
        self._reaper.wait()

    def start(self, service: Service, *, within: float = 60) -> None:
        """Start the service and wait until it is ready; raises Unusable with the end of its log."""
        process = self.launch(
            service.name, service.command, service.environment, user=service.user, stop_with=service.stop_with
        )
        self._running[service.name] = (service, process)
        deadline = time.monotonic() + within
        while not service.ready():
            if process.poll() is not None:
                raise Unusable(self.epitaph(service.name, f"ended with code {process.returncode} while starting"))
            if time.monotonic() > deadline:
                raise Unusable(self.epitaph(service.name, f"was not ready after {within:.0f} s"))
            time.sleep(POLL_SECONDS)

    def launch(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        user: int | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> "subprocess.Popen[bytes]":
        """Start a process that is stopped with the others; its output goes to `<name>.log`."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=environment,
                user=user,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if self._reaper.stdin:
            self._reaper.stdin.write(f"{process.pid} {stop_with.value}\n".encode())
            self._reaper.stdin.flush()
        return process

    def finish(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end; raises Unusable with the end of its log when it fails."""
        if code := self.launch(name, command, environment).wait():
            raise Unusable(self.epitaph(name, f"failed with code {code}"))

    def notify(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a service."""
        os.kill(self._running[name][1].pid, number)

    def revive(self) -> list[str]:
        """Start again whatever died since the last call, and name it; raises Unusable when that happens too often."""
        dead = [service for service, process in self._running.values() if process.poll() is not None]
        for service in dead:
            deaths = self._deaths[service.name]
            deaths.append(time.monotonic())
            if len(deaths) == RESTARTS and deaths[-1] - deaths[0] < RESTARTS_WITHIN_SECONDS:
                raise Unusable(self.epitaph(service.name, "keeps dying"))
            self.start(service)
        return [service.name for service in dead]

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._logs / f"{name}.log"

    def epitaph(self, name: str, what: str) -> str:
        """A sentence, and of what the process wrote the lines that say why, or else the last ones."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        telling = list(dict.fromkeys(line for line in lines if "_FAILED" in line))[:5] or lines[-15:]
        return "\n".join([f"{name} {what}; from {self.log(name)}:", *(f"    {line}" for line in telling)])
