"""How to start the emulator: its interpreter, and the few variables it and the functions it runs may see."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.settings import HOST, REPOSITORY, Local

PYTHON = REPOSITORY / ".venv-emulator" / "bin" / "python"
BUSY_SECONDS = 20
"""After a restart every schedule is overdue; all functions at once would keep two cores from serving anybody."""

FROM_THE_USER = ("HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "TMPDIR")


def command() -> list[str]:
    """The emulator under our wrapper, which gives it the product's clock and a memory."""
    return [str(PYTHON), "-m", "infra.local.emulator.main"]


def environment(local: Local) -> dict[str, str]:
    """Functions inherit what the emulator has, so it gets little: nothing of the user's session may reach them."""
    inherited = {name: os.environ[name] for name in FROM_THE_USER if name in os.environ}
    return inherited | {
        # The CDK library's own functions run on Node, which lives beside our interpreter.
        "PATH": f"{REPOSITORY / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GATEWAY_PORT": str(local.emulator_port),
        "BIND_HOST": HOST,
        "AUTH": os.environ.get("AUTH", "true"),
        "LOG_LEVEL": "INFO",
        "LAMBDA_WARM_TTL_SECONDS": "86400",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str(local.state / "emulator"),
        "S3_DATA_DIR": str(local.state / "s3"),
        "TMPDIR": str(local.scratch),
        "CLOCK_FILE": str(local.clock),
        "SCHEDULES_BEGIN_AFTER_SECONDS": str(BUSY_SECONDS if local.outputs.exists() else 0),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def scratch(local: Local) -> Iterator[None]:
    """A folder for what the emulator unpacks: hundreds of megabytes, of no use to the next run."""
    shutil.rmtree(local.scratch, ignore_errors=True)
    local.scratch.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(local.scratch, ignore_errors=True)


def forget(local: Local) -> None:
    """Drop everything the emulator remembers: used when no deployment ever completed on it."""
    shutil.rmtree(local.state / "emulator", ignore_errors=True)
    shutil.rmtree(local.state / "s3", ignore_errors=True)
