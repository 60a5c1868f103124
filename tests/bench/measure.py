"""Measuring ratios: interleaved rounds, medians, and CPU time where a process is the unit."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Gate:
    """One budget: what was measured, relative to what, and how much is allowed. `at_least` turns it round."""

    name: str
    value: float
    reference: str
    limit: float
    at_least: bool = False
    detail: str = ""

    @property
    def held(self) -> bool:
        """Whether the budget holds."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def paired(subject: Callable[[], object], reference: Callable[[], object], rounds: int, calls: int) -> tuple[float, float]:
    """(ratio, microseconds of the subject): the median over rounds of subject time / reference time, in turn."""
    ratios, times = [], []
    for _ in range(rounds):
        base_before = _burst(reference, calls)
        own = _burst(subject, calls)
        base_after = _burst(reference, calls)
        ratios.append(own / ((base_before + base_after) / 2))
        times.append(own / calls * 1e6)
    return median(ratios), median(times)


def _burst(call: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - started


def fresh_process_cpu(code: str, environment: dict[str, str]) -> float:
    """CPU seconds of a fresh interpreter running `code`, without those of an empty one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
