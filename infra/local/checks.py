"""What must hold before anything is started; each failure is one line that says what to do."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.settings import HOST, REPOSITORY, Local, Unusable

NEEDED = (".venv-emulator/bin/python", ".venv/bin/node", "infra/node_modules/.bin/cdk")


def require_tools() -> None:
    """Raise Unusable when the set-up was skipped."""
    for tool in NEEDED:
        if not (REPOSITORY / tool).exists():
            message = f"{tool} is missing: run `make setup`"
            raise Unusable(message)


def require_free_ports(local: Local) -> None:
    """Raise Unusable for the first port someone else listens on."""
    for variable, port in (
        ("PORT", local.port),
        ("EMULATOR_PORT", local.emulator_port),
        ("SANDBOX_PORT", local.sandbox_port),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as problem:
                message = f"port {port} cannot be used ({problem.strerror}): free it, or choose another: {variable}=…"
                raise Unusable(message) from None


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the state folder for this process; raises Unusable when another holds it. Death lets go of it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            message = f"already running on {state} (process {lock.read().strip()}): stop that one first"
            raise Unusable(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
