"""Five thousand notices of three channels, valid, repeated, forged, wrong and of nobody: the suite's own storm, in full size."""

import os
import re
import subprocess
import sys

from tests.bench.measure import ROOT, Gate

LETTERS = 5_000
_STORM = "tests/payments/test_notice_storm.py"


def bench() -> Gate:
    """The storm, made, sent and worked off; it fails unless every order, refund and case ends as it must."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", _STORM, "-q", "-p", "no:xdist", "--show-capture=no", "--durations=1"],
        cwd=ROOT, env=os.environ | {"STORM_LETTERS": str(LETTERS)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:])
    seconds = re.search(r"([\d.]+)s call", done.stdout)
    if seconds is None:
        raise RuntimeError(done.stdout[-2000:])
    # A vendor waits 5 s for its answer: a fiftieth of that is the whole way of a notice on one connection.
    each = float(seconds[1]) / LETTERS * 1000
    return Gate("a notice taken in and worked off", each, "ms", limit=100, detail=f"{LETTERS} of three channels, exact")
