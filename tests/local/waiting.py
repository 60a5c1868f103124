"""Waiting for another process to do what it does in its own time."""

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 30.0


def eventually(true: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> bool:
    """Whether it becomes true, looked at ten times a second."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not true():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.1)
    return True
