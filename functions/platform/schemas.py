"""What platform sends."""

from datetime import datetime
from typing import Literal

from shared.http.envelope import Out

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
State = Literal["ok", "degraded", "down"]


class HealthOut(Out):
    """PLT-001."""

    status: Literal["ok"]
    version: str
    region: str
    time: datetime


class CheckOut(Out):
    """One dependency: `latency_ms` of the probe, or why it failed."""

    status: State
    latency_ms: int
    reason: str | None = None


class ChecksOut(Out):
    """The dependencies PLT-002 looks at."""

    aurora: CheckOut
    dynamodb: CheckOut
    s3: CheckOut
    queue: CheckOut


class ReadyOut(Out):
    """PLT-002."""

    status: State
    checks: ChecksOut
