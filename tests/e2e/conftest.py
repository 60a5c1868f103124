"""The laptop cloud for end-to-end tests: started once, on ports and state of its own, with IAM enforced.

`E2E_BASE_URL` names one that already runs instead; nothing of it is stopped or wiped then.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from infra.local.settings import REPOSITORY
from tests.local.waiting import eventually

READY_WITHIN_SECONDS = 270.0
STOPPED_WITHIN_SECONDS = 90.0


@dataclass(frozen=True)
class Laptop:
    """A running laptop cloud. `state` is None when it is not ours, and must then be left alone."""

    base_url: str
    state: Path | None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs the laptop cloud."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def laptop() -> Iterator[Laptop]:
    """The laptop cloud, deployed, seeded and healthy."""
    if running := os.environ.get("E2E_BASE_URL"):
        yield Laptop(running.rstrip("/"), None)
        return
    state = Path(tempfile.mkdtemp(prefix="e2e-"))
    port, emulator_port, sandbox_port = _free_ports(3)
    ports = {"PORT": str(port), "EMULATOR_PORT": str(emulator_port), "SANDBOX_PORT": str(sandbox_port)}
    environment = dict(os.environ) | ports | {"STATE_DIR": str(state), "AUTH": "true"}
    output = state / "output"
    with output.open("wb") as writing:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.local.run"], cwd=REPOSITORY, env=environment, stdout=writing, stderr=writing
        )
    base_url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: supervisor.poll() is not None or _ready(base_url), within=READY_WITHIN_SECONDS)
        if not _ready(base_url):
            pytest.fail(f"the laptop cloud did not start:\n{output.read_text()}", pytrace=False)
        yield Laptop(base_url, state)
    finally:
        supervisor.terminate()
        supervisor.wait(STOPPED_WITHIN_SECONDS)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def base_url(laptop: Laptop) -> str:
    """Where the front door listens."""
    return laptop.base_url


def _ready(base_url: str) -> bool:
    """Seeding is the last step, and the API must still be well."""
    try:
        answers = [
            httpx.get(f"{base_url}{path}", timeout=10, trust_env=False) for path in ("/_local/seed", "/api/v1/health/ready")
        ]
    except httpx.HTTPError:
        return False
    return all(answer.is_success for answer in answers)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in sockets]
