"""Gives ministack the product's clock where AWS would wait: EventBridge Scheduler and Step Functions.

Nothing else moves with it. SQS visibility, signatures and sessions stay on real time, or a moved clock would hide
messages and refuse requests.
"""

# Replacing what is private to ministack is the purpose of this file; the version is pinned.
# ruff: noqa: SLF001

import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

from infra.local.emulator import Emulated
from shared.clock import now

POLL_SECONDS = 0.1
TICK_SECONDS = 0.5


def wait(seconds: float, *, over: Callable[[], bool] = lambda: False) -> bool:
    """Wait until the product's clock has passed `seconds`, or that much real time has (a clock moved back delays
    nothing), or `over()`. Answers whether it was over.
    """
    product, real = now().timestamp() + seconds, time.monotonic() + seconds
    while not (finished := over()):
        left = min(product - now().timestamp(), real - time.monotonic())
        if left <= 0:
            break
        time.sleep(min(left, POLL_SECONDS))
    return finished


class ClockedEvent(threading.Event):
    """An event whose time-out ends when the product's clock says so; Step Functions waits on it for task tokens."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            return super().wait()
        return wait(timeout, over=self.is_set)


def follow_product_time(scheduler: Emulated, stepfunctions: Emulated) -> None:
    """Replace the notion of time of the two services."""
    scheduler.time = SimpleNamespace(time=lambda: now().timestamp(), sleep=time.sleep)
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
    tick = scheduler._tick_schedules
    begin = time.monotonic() + float(os.environ["SCHEDULES_BEGIN_AFTER_SECONDS"])

    def tick_in_product_time() -> None:
        if time.monotonic() < begin:
            return
        present = now().timestamp()
        fired: dict[tuple[str, ...], float] = scheduler._schedule_last_fired
        for key, at in list(fired.items()):
            fired[key] = min(at, present)  # the clock may have been moved back
        tick()

    def sleep_until(timestamp: str) -> None:
        wait(datetime.fromisoformat(timestamp).timestamp() - now().timestamp())

    scheduler._tick_schedules = tick_in_product_time
    stepfunctions.threading = SimpleNamespace(**vars(threading) | {"Event": ClockedEvent})
    stepfunctions._scaled_sleep = wait
    stepfunctions._sleep_until = sleep_until
