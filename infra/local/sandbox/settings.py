"""What the simulators are told by the environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class SandboxSettings:
    """Where to listen and to keep state, and how fast the vendors' clocks of resends run.

    `time_scale` multiplies every wait of a resend ladder: 0.01 turns 15 hours into 9 minutes.
    """

    state: Path
    port: int = 8010
    time_scale: float = 0.01

    @classmethod
    def from_environment(cls) -> Self:
        """Read STATE_DIR (default `.local`), SANDBOX_PORT and SANDBOX_TIME_SCALE. Raises ValueError."""
        return cls(
            state=Path(os.environ.get("STATE_DIR", ".local")) / "sandbox",
            port=int(os.environ.get("SANDBOX_PORT", "8010")),
            time_scale=float(os.environ.get("SANDBOX_TIME_SCALE", "0.01")),
        )
