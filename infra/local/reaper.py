"""Stops what the supervisor started, whatever becomes of the supervisor.

It reads lines `<pid> <signal>` from its standard input. When that ends, because the supervisor closed it or died in
any way, each process is stopped, the last started first: its signal, then patience, then no patience for it and all
its descendants. It lives in a session of its own, so that Ctrl-C in the terminal does not reach it.
"""

import os
import signal
import sys
from contextlib import suppress

import psutil

PATIENCE_SECONDS = 20


def stop(pid: int, number: int) -> None:
    """Stop one process and everything under it."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        family = []
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    _, alive = psutil.wait_procs([member for member in family if member.pid == pid], timeout=PATIENCE_SECONDS)
    # What the process left behind, and its group, which a dead leader's orphans still belong to.
    for member in [*alive, *family]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Wait for the end of the input, then stop everything it named."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    guarded = [(int(pid), int(number)) for pid, number in (line.split() for line in sys.stdin)]
    for pid, number in reversed(guarded):
        stop(pid, number)


if __name__ == "__main__":
    main()
