"""Deploys the real CDK app onto the emulator, with the same command line that deploys it to AWS."""

import os
import signal
from pathlib import Path

from botocore.exceptions import ClientError

from infra.local.aws import client
from infra.local.emulator import launch
from infra.local.postgres import Postgres
from infra.local.processes import Household
from infra.local.settings import ACCOUNT, REGION, REPOSITORY, Local, aws_environment

CDK = REPOSITORY / "infra" / "node_modules" / ".bin" / "cdk"


def environment(local: Local, postgres: Postgres) -> dict[str, str]:
    """What the local stage of the CDK app reads, beside an AWS client's variables."""
    mine = REPOSITORY / ".venv" / "bin"
    return (
        dict(os.environ)
        | aws_environment(local)
        | {
            "PATH": f"{mine}{os.pathsep}{os.environ['PATH']}",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_VALIDATION": "false",  # checked where it is deployed for real; here it would cost every start five seconds
            "PUBLIC_URL": local.public_url,
            "SANDBOX_URL": local.sandbox_url,
            "CLOCK_FILE": str(local.clock),
            "LOCAL_DATABASE_DSN": postgres.dsn(),
        }
    )


def assembly(local: Local) -> Path:
    """Where the synthesized app lies."""
    return local.state / "cdk.out"


def forget_a_half_made_one(local: Local) -> None:
    """Before the emulator starts: nothing it remembers is worth keeping when no deployment ever completed."""
    if not local.outputs.exists():
        launch.forget(local)


def synthesize(local: Local, household: Household, postgres: Postgres) -> None:
    """Turn the app into templates and bundles; needs nothing to run yet."""
    _cdk(local, household, postgres, "synth", "--quiet", "--context", "stage=local", "--output", str(assembly(local)))


def bootstrap(local: Local, household: Household, postgres: Postgres) -> None:
    """Make the bucket `cdk deploy` uploads to, once."""
    if not _bootstrapped(local):
        _cdk(local, household, postgres, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", str(assembly(local)))


def deploy(local: Local, household: Household, postgres: Postgres) -> None:
    """Deploy every stack; raises Unusable with the end of the log. The emulator then remembers the result."""
    _cdk(
        local,
        household,
        postgres,
        "deploy",
        "--all",
        "--app",
        str(assembly(local)),
        "--progress",
        "events",
        "--require-approval",
        "never",
        "--concurrency",
        "4",
        "--outputs-file",
        str(local.outputs),
    )
    household.notify("emulator", signal.SIGUSR1)


def _cdk(local: Local, household: Household, postgres: Postgres, *arguments: str) -> None:
    command = [
        str(CDK),
        *arguments,
        "--no-color",
        "--no-notices",
        "--no-version-reporting",
    ]
    household.finish(f"cdk-{arguments[0]}", command, environment(local, postgres))


def _bootstrapped(local: Local) -> bool:
    try:
        client(local, "cloudformation").describe_stacks(StackName="CDKToolkit")
    except ClientError:
        return False
    return True
