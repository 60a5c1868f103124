"""Stops what the supervisor started, whatever becomes of the supervisor.

It reads lines `<pid> <signal>` from its standard input. When that ends, because the supervisor closed it or died in
any way, each process is stopped, the last started first: its signal, then patience, then no patience for it and all
its descendants. It lives in a session of its own, so that Ctrl-C in the terminal does not reach it.
"""

import os
import signal
import sys
import time
from contextlib import suppress

import psutil

PATIENCE_SECONDS = 20
POLL_SECONDS = 0.05


def stop(process: psutil.Process, number: int) -> None:
    """Stop one process and everything under it; nothing when it has ended, even if its id is another's by now."""
    if not alive(process):
        return
    family = [*process.children(recursive=True), process]
    process.send_signal(number)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive(process) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    # What it left behind, and its group, which a dead leader's orphans still belong to.
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that only waits for its parent to notice its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """Wait for the end of the input, then stop everything it named."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    guarded: list[tuple[psutil.Process, int]] = []
    for line in sys.stdin:
        pid, number = line.split()
        with suppress(psutil.NoSuchProcess):
            guarded.append((psutil.Process(int(pid)), int(number)))
    for process, stop_with in reversed(guarded):
        stop(process, stop_with)


if __name__ == "__main__":
    main()
