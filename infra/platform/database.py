"""PostgreSQL: Aurora in the cloud, and its twin, a server that is simply there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra import stage as stages
from infra.nag import accept
from infra.names import HOUSE
from infra.platform.alarms import (
    DATABASE_CAPACITY_PERCENT,
    DATABASE_CONNECTIONS_PERCENT,
    DATABASE_CPU_PERCENT,
    QUERY_MILLISECONDS,
    WINDOW,
    Alarms,
)
from infra.platform.house import House
from infra.platform.network import PrivateNetwork
from infra.policy import Allow, role

PORT = 5432
LOCAL_OWNER = "postgres"


@dataclass(frozen=True)
class Placement:
    """Where a function must stand to reach the database."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup


class Database(Protocol):
    """What functions need to know of the database. Each domain signs in with the role of its own name."""

    placement: Placement | None

    def environment(self, user: str) -> dict[str, str]:
        """The variables with which a domain's functions connect."""

    def statements(self, user: str) -> list[Allow]:
        """What a domain's functions must be allowed to sign in."""

    def owner_environment(self) -> dict[str, str]:
        """The variables with which migrations connect, as the owner of everything."""

    def owner_statements(self) -> list[Allow]:
        """What migrations must be allowed to sign in."""


class ExistingDatabase:
    """A server outside AWS, which trusts whoever reaches its socket."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.placement: Placement | None = None

    def environment(self, user: str) -> dict[str, str]:
        """A DSN with its user."""
        return {"DATABASE_URL": f"{self._dsn} user={user}"}

    def statements(self, user: str) -> list[Allow]:
        """Nothing: AWS has no say."""
        del user
        return []

    def owner_environment(self) -> dict[str, str]:
        """The superuser of the embedded server."""
        return {"DATABASE_OWNER_URL": f"{self._dsn} user={LOCAL_OWNER}"}

    def owner_statements(self) -> list[Allow]:
        """Nothing: AWS has no say."""
        return []


class AuroraDatabase(Construct):
    """Aurora Serverless v2. Domains sign in with IAM tokens; only migrations know a password, the owner's."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        aurora: stages.Aurora,
        house: House,
        network: PrivateNetwork,
        key: kms.IKey,
        domains: Sequence[str],
    ) -> None:
        super().__init__(scope, name)
        self._region = house.names.region
        self._key = key
        self.placement: Placement | None = Placement(network.vpc, network.function_subnets, network.functions)
        self.cluster = rds.DatabaseCluster(
            self,
            "Aurora",
            engine=rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_18_4),
            cluster_identifier=house.names.of("aurora"),
            default_database_name=HOUSE,
            credentials=rds.Credentials.from_generated_secret(f"{HOUSE}_owner", encryption_key=key),
            writer=rds.ClusterInstance.serverless_v2("Writer", performance_insight_encryption_key=key),
            readers=[rds.ClusterInstance.serverless_v2("Reader", scale_with_writer=True)] if aurora.reader else [],
            serverless_v2_min_capacity=aurora.min_capacity,
            serverless_v2_max_capacity=aurora.max_capacity,
            serverless_v2_auto_pause_duration=Duration.minutes(10) if aurora.min_capacity == 0 else None,
            vpc=network.vpc,
            vpc_subnets=network.database_subnets,
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=Duration.days(aurora.backup_days), preferred_window="19:00-19:30"),
            copy_tags_to_snapshot=True,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
            cloudwatch_logs_exports=["postgresql"],
        )
        accept(self.cluster, "RDS11", "Out of reach from outside the VPC; another port would hide nothing.")
        secret = self.cluster.secret
        assert secret is not None  # noqa: S101 - narrows the type: credentials were generated above
        accept(
            self.cluster.node.find_child("Secret"),
            "SMG4",
            "Known to migrations only, which run at deployments; domains sign in without a password.",
        )
        self._owner_secret = secret.secret_arn
        self.cluster.connections.allow_default_port_from(network.functions, "from functions")
        self._host = self.cluster.cluster_endpoint.hostname
        self._users_of = self.cluster.cluster_resource_identifier
        if aurora.proxy:
            self._add_proxy(network, domains)
        self._watch(house.alarms, aurora)

    def _add_proxy(self, network: PrivateNetwork, domains: Sequence[str]) -> None:
        guard = ec2.SecurityGroup(self, "ProxyGroup", vpc=network.vpc, description="RDS Proxy", allow_all_outbound=True)
        signs_in = role(self, "ProxyRole", "rds", [Allow(["rds-db:connect"], [self._user(domain) for domain in domains])])
        proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            proxy_target=rds.ProxyTarget.from_cluster(self.cluster),
            vpc=network.vpc,
            vpc_subnets=network.function_subnets,
            security_groups=[guard],
            require_tls=True,
            iam_auth=True,
            role=iam.Role.from_role_arn(self, "ProxySignsIn", signs_in.attr_arn, mutable=False),
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            max_connections_percent=90,
        )
        guard.connections.allow_from(network.functions, ec2.Port.tcp(PORT), "from functions")
        self.cluster.connections.allow_default_port_from(guard, "from the proxy")
        self._host = proxy.endpoint
        # arn:aws:rds:<region>:<account>:db-proxy:<id>; the id is what IAM calls the proxy by.
        self._users_of = Fn.select(6, Fn.split(":", proxy.db_proxy_arn))

    def environment(self, user: str) -> dict[str, str]:
        """A DSN without password: `shared.sql.connection` signs a token for it."""
        return {
            "DATABASE_URL": f"host={self._host} port={PORT} dbname={HOUSE} user={user}",
            "DATABASE_IAM": "true",
        }

    def statements(self, user: str) -> list[Allow]:
        """Sign in as this role only."""
        return [Allow(["rds-db:connect"], [self._user(user)])]

    def _user(self, name: str) -> str:
        """ARN of a database user, of the proxy where there is one, else of the cluster."""
        return f"arn:aws:rds-db:{self._region}:{Aws.ACCOUNT_ID}:dbuser:{self._users_of}/{name}"

    def owner_environment(self) -> dict[str, str]:
        """The writer itself, past any proxy, and the secret that holds the owner's password."""
        host = self.cluster.cluster_endpoint.hostname
        return {
            "DATABASE_OWNER_URL": f"host={host} port={PORT} dbname={HOUSE} user={HOUSE}_owner",
            "SECRET_DATABASE_OWNER": self._owner_secret,
        }

    def owner_statements(self) -> list[Allow]:
        """Read the owner's password."""
        via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{self._region}.amazonaws.com"}}
        return [
            Allow(["secretsmanager:GetSecretValue"], [self._owner_secret]),
            Allow(["kms:Decrypt"], [self._key.key_arn], via),
        ]

    def _watch(self, alarms: Alarms, aurora: stages.Aurora) -> None:
        cpu = self.cluster.metric_cpu_utilization(period=WINDOW)
        alarms.above(self, "CpuAlarm", cpu, DATABASE_CPU_PERCENT, "The database's CPU is above 80 % (rule cpu_high).")
        full = self.cluster.metric_acu_utilization(period=WINDOW)
        alarms.above(
            self,
            "CapacityAlarm",
            full,
            DATABASE_CAPACITY_PERCENT,
            "The database is near its largest size (rule memory_high).",
        )
        # Aurora takes about 200 connections for each ACU of the largest size it may grow to, and 5,000 at most.
        allowed = min(5000, int(aurora.max_capacity * 200)) * DATABASE_CONNECTIONS_PERCENT // 100
        connections = self.cluster.metric_database_connections(period=WINDOW, statistic="Maximum")
        alarms.above(
            self, "ConnectionsAlarm", connections, allowed, "More than 80 % of the database's connections are taken."
        )
        latency = self.cluster.metric("CommitLatency", period=WINDOW)
        alarms.above(self, "LatencyAlarm", latency, QUERY_MILLISECONDS, "Commits take 100 ms on average (rule db_latency).")
