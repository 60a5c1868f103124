"""`make run`: starts the laptop cloud, deploys the product onto it, and keeps it running until Ctrl-C."""

import json
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

import httpx

from infra.local import credentials, deployment, services
from infra.local.checks import only_one, require_free_ports, require_tools
from infra.local.command import exit_code
from infra.local.emulator import launch
from infra.local.postgres import Postgres
from infra.local.processes import Household
from infra.local.progress import Progress
from infra.local.settings import Local, Unusable

POLL_SECONDS = 0.5
HEALTHY_WITHIN_SECONDS = 120


def main() -> None:
    """Run in the foreground until Ctrl-C or SIGTERM; raises Unusable when something stands in the way."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    local = Local.from_environment()
    require_tools()
    with only_one(local.state):
        require_free_ports(local)
        run(local, Progress())


def run(local: Local, progress: Progress) -> NoReturn:
    """Start everything, then watch over it until interrupted."""
    postgres = Postgres(local)
    with launch.scratch(local), Household(local.logs) as household:
        with progress.step("PostgreSQL"):
            household.start(postgres.service())
            postgres.ensure_database()
        with progress.step("AWS emulator, vendor simulators, front door"):
            deployment.forget_a_half_made_one(local)
            for service in (services.emulator(local), services.sandbox(local), services.front_door(local)):
                household.start(service)
        with progress.step("cdk synth"):
            deployment.synthesize(local, household, postgres)
        with progress.step("cdk deploy"):
            deployment.bootstrap(local, household, postgres)
            deployment.deploy(local, household, postgres)
            credentials.hand_over(local)
        with progress.step("the API answers"):
            _wait_until_healthy(local)
        with progress.step("demo data"):
            household.finish("seed", services.SEED, services.product_environment(local) | _admin(postgres))
        _announce(local, progress)
        while True:
            time.sleep(POLL_SECONDS)
            for name in household.revive():
                progress.note(f"[yellow]{name} had died and was started again[/]")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    print("\nstopping everything…", flush=True)
    raise KeyboardInterrupt


def _admin(postgres: Postgres) -> dict[str, str]:
    return {"DATABASE_URL": postgres.dsn(user="postgres")}


def _wait_until_healthy(local: Local) -> None:
    url = f"{local.public_url}/api/v1/health/ready"
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while (told := _illness(url)) is not None:
        if time.monotonic() > deadline:
            message = f"{url} is not well: {told}"
            raise Unusable(message)
        time.sleep(POLL_SECONDS)


def _illness(url: str) -> str | None:
    try:
        answer = httpx.get(url, timeout=30, trust_env=False)
    except httpx.HTTPError as problem:
        return repr(problem)
    return None if answer.is_success else f"{answer.status_code} {answer.text[:300]}"


def _announce(local: Local, progress: Progress) -> None:
    progress.table(
        "Addresses",
        ("what", "where"),
        [
            ("API", f"{local.public_url}/api/v1"),
            ("Swagger UI", f"{local.public_url}/docs"),
            ("Mailbox, clock, demo logins", f"{local.public_url}/_local/"),
            ("Vendor simulators", local.sandbox_url),
            ("AWS emulator", local.emulator_url),
        ],
    )
    logins = json.loads(local.seed.read_text())["logins"]
    progress.table(
        "Demo logins",
        ("role", "e-mail", "password", "TOTP secret"),
        [(login["role"], login["email"], login["password"], login.get("totp_secret") or "") for login in logins],
    )
    progress.ready(local.public_url)


if __name__ == "__main__":
    sys.exit(exit_code(main))
