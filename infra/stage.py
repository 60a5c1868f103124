"""The stages of the house. One code path builds them all: whatever differs between two stages is a field here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

REGION = "us-east-1"
"""CloudFront takes its firewall from this region only, so the whole house stands here."""

BACKUP_REGION = "us-west-2"


@dataclass(frozen=True)
class Aurora:
    """Aurora Serverless v2. Capacities in ACU (2 GiB of memory each); at a minimum of 0 it pauses when idle."""

    min_capacity: float
    max_capacity: float
    reader: bool
    proxy: bool
    backup_days: int


@dataclass(frozen=True)
class Network:
    """The VPC of the functions that reach the database. AWS interface endpoints cost about $7 a month and zone each."""

    zones: int
    nat: Literal["instance", "gateway"]
    interface_endpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One deployment of the house. `None` in a field says the stage does without that thing."""

    name: str
    region: str
    platform: str | None
    """uv's name of the platform bundles are built for; None for the machine at hand."""
    bootstrap_roles: bool
    """Deploy through the roles of `cdk bootstrap`; the emulator refuses their use when it enforces IAM."""
    keeps_data: bool
    """Tables, buckets and keys outlive their stack, and refuse to be deleted by mistake."""
    snapshots: bool
    """HTTP functions start from a SnapStart snapshot."""
    requires_tls: bool
    """Queues, buckets and topics refuse plain HTTP, which is all an emulator speaks."""
    network: Network | None
    aurora: Aurora | None
    database_dsn: str | None
    """libpq DSN, without user, of the database to use instead of Aurora."""
    public_url: str | None
    """Where clients find the house; None for the address of the CloudFront distribution."""
    certificate_arn: str | None
    mail_from: str
    forwarded_hops: int
    """How many proxies stand before a function and append the caller's address: CloudFront and the API, or the front door."""
    clock_file: str | None
    """The movable clock, a file."""
    event_archive_days: int | None
    alarms: bool
    audit_lock: Literal["GOVERNANCE", "COMPLIANCE"]
    backup_region: str | None

    @property
    def is_local(self) -> bool:
        """Whether an emulator plays AWS."""
        return self.database_dsn is not None


def local(environment: Mapping[str, str]) -> Stage:
    """The laptop cloud. Reads LOCAL_DATABASE_DSN, PUBLIC_URL and CLOCK_FILE."""
    return Stage(
        name="local",
        region=REGION,
        platform=None,
        bootstrap_roles=False,
        keeps_data=False,
        # The emulator would start every function at each deployment, and has nothing to snapshot it with.
        snapshots=False,
        requires_tls=False,
        network=None,
        aurora=None,
        database_dsn=environment.get("LOCAL_DATABASE_DSN", "host=.local/postgres dbname=sharestack"),
        public_url=environment.get("PUBLIC_URL", "http://127.0.0.1:8000"),
        certificate_arn=None,
        mail_from="no-reply@sharestack.local",
        forwarded_hops=1,
        clock_file=environment.get("CLOCK_FILE", ".local/clock.json"),
        event_archive_days=None,
        alarms=False,
        audit_lock="GOVERNANCE",
        backup_region=None,
    )


def small(environment: Mapping[str, str]) -> Stage:
    """Everything real, and next to nothing to pay while nobody comes. Reads PUBLIC_URL, CERTIFICATE_ARN, MAIL_FROM."""
    return Stage(
        name="small",
        region=REGION,
        platform="aarch64-manylinux_2_28",
        bootstrap_roles=True,
        keeps_data=True,
        # A snapshot costs about $4 per GB of memory and month, called or not; here a first call may take its two seconds.
        snapshots=False,
        requires_tls=True,
        # Vendors are reached from functions that also reach the database, so some NAT there must be: a t4g.nano.
        network=Network(zones=2, nat="instance"),
        aurora=Aurora(min_capacity=0, max_capacity=4, reader=False, proxy=False, backup_days=7),
        database_dsn=None,
        public_url=environment.get("PUBLIC_URL"),
        certificate_arn=environment.get("CERTIFICATE_ARN"),
        mail_from=environment.get("MAIL_FROM", "no-reply@sharestack.example"),
        forwarded_hops=2,
        clock_file=None,
        event_archive_days=90,
        alarms=True,
        audit_lock="GOVERNANCE",
        backup_region=None,
    )


def prod(environment: Mapping[str, str]) -> Stage:
    """Two of everything that can fail, backups in a second region. Reads PUBLIC_URL, CERTIFICATE_ARN, MAIL_FROM."""
    return Stage(
        name="prod",
        region=REGION,
        platform="aarch64-manylinux_2_28",
        bootstrap_roles=True,
        keeps_data=True,
        snapshots=True,
        requires_tls=True,
        network=Network(zones=2, nat="gateway", interface_endpoints=("kms", "secretsmanager", "sqs", "events", "states")),
        aurora=Aurora(min_capacity=1, max_capacity=64, reader=True, proxy=True, backup_days=35),
        database_dsn=None,
        public_url=environment.get("PUBLIC_URL"),
        certificate_arn=environment.get("CERTIFICATE_ARN"),
        mail_from=environment.get("MAIL_FROM", "no-reply@sharestack.example"),
        forwarded_hops=2,
        clock_file=None,
        event_archive_days=90,
        alarms=True,
        audit_lock="COMPLIANCE",
        backup_region=BACKUP_REGION,
    )


STAGES = {"local": local, "small": small, "prod": prod}


def stage_named(name: str, environment: Mapping[str, str] = os.environ) -> Stage:
    """The stage of that name, completed from the environment. Raises ValueError for a name that is none."""
    if name not in STAGES:
        message = f"no stage {name!r}: choose one of {', '.join(STAGES)}"
        raise ValueError(message)
    return STAGES[name](environment)
