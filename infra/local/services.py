"""The processes of the laptop cloud beside PostgreSQL: how each is started and seen to be ready."""

import os
import socket
import sys

from infra.local.emulator import launch
from infra.local.processes import Service
from infra.local.settings import HOST, Local, aws_environment

SEED = (sys.executable, "-m", "infra.local.seed")


def product_environment(local: Local) -> dict[str, str]:
    """What our own local processes read, whether or not the person who typed `make run` had set it."""
    return (
        dict(os.environ)
        | aws_environment(local)
        | {
            "STAGE": "local",
            "STATE_DIR": str(local.state),
            "PORT": str(local.port),
            "EMULATOR_PORT": str(local.emulator_port),
            "SANDBOX_PORT": str(local.sandbox_port),
            "PUBLIC_URL": local.public_url,
            "CLOCK_FILE": str(local.clock),
            "PYTHONUNBUFFERED": "1",
        }
    )


def emulator(local: Local) -> Service:
    """Every AWS service, on EMULATOR_PORT."""
    return Service(
        name="emulator",
        command=launch.command(),
        environment=launch.environment(local),
        ready=lambda: listens(local.emulator_port),
    )


def sandbox(local: Local) -> Service:
    """Every vendor, on SANDBOX_PORT."""
    return _python("sandbox", local, local.sandbox_port)


def front_door(local: Local) -> Service:
    """The one address people and clients use, on PORT."""
    return _python("frontdoor", local, local.port)


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _python(name: str, local: Local, port: int) -> Service:
    return Service(
        name=name,
        command=(sys.executable, "-m", f"infra.local.{name}"),
        environment=product_environment(local),
        ready=lambda: listens(port),
    )
