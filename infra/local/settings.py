"""Where the laptop cloud lives: its ports, its folder of state, and the addresses that follow from them."""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = "000000000000"
REGION = "us-east-1"
HOST = "127.0.0.1"
DATABASE = "sharestack"
HIGHEST_PORT = 65535


class Unusable(Exception):  # noqa: N818 - said to a person as one line, see run.main
    """The machine or the environment does not allow the laptop cloud to run; the message says what to change."""


@dataclass(frozen=True)
class Local:
    """One laptop cloud. Two of them run side by side when their ports and state folders differ."""

    port: int
    emulator_port: int
    sandbox_port: int
    state: Path

    @classmethod
    def from_environment(cls) -> "Local":
        """Read PORT, EMULATOR_PORT, SANDBOX_PORT and STATE_DIR; raises Unusable when one makes no sense."""
        return cls(
            port=_port("PORT", 8000),
            emulator_port=_port("EMULATOR_PORT", 4566),
            sandbox_port=_port("SANDBOX_PORT", 8010),
            state=(REPOSITORY / os.environ.get("STATE_DIR", ".local")).resolve(),
        )

    @property
    def public_url(self) -> str:
        """The one address to know: the front door, which plays CloudFront."""
        return f"http://{HOST}:{self.port}"

    @property
    def emulator_url(self) -> str:
        """Every AWS service."""
        return f"http://{HOST}:{self.emulator_port}"

    @property
    def sandbox_url(self) -> str:
        """Every vendor."""
        return f"http://{HOST}:{self.sandbox_port}"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.state / "postgres"

    @property
    def clock(self) -> Path:
        """The movable clock; every function reads it as CLOCK_FILE."""
        return self.state / "clock.json"

    @property
    def outputs(self) -> Path:
        """Outputs of the deployed stacks, written by `cdk deploy`."""
        return self.state / "outputs.json"

    @property
    def seed(self) -> Path:
        """What was seeded: logins and ids."""
        return self.state / "seed.json"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.state / "logs"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator: unpacked functions and layers. Emptied at every start."""
        return self.state / "tmp"


def aws_environment(local: Local) -> dict[str, str]:
    """The variables with which any AWS client reaches the emulator, as its root user."""
    return {
        "AWS_ENDPOINT_URL": local.emulator_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        message = f"{variable}={text} is not a port"
        raise Unusable(message)
    return int(text)
