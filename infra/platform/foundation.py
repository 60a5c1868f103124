"""The stack every domain stands on: keys, stores, bus, queues, network, database, API and edge."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, DefaultStackSynthesizer, Environment, IStackSynthesizer, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.manifests import queue_timeouts, secret_readers, streamed_groups, uploads
from infra.platform.alarms import ERROR_LINES, PAYMENT_FAILURE_PERCENT, PAYMENT_OUTCOMES, house_metric, share_percent
from infra.platform.api import Api
from infra.platform.backup import BackupCopies, Backups
from infra.platform.buckets import SEALED, Buckets
from infra.platform.bus import Bus
from infra.platform.dashboard import Dashboard
from infra.platform.database import AuroraDatabase, Database, ExistingDatabase
from infra.platform.edge import Edge
from infra.platform.house import House
from infra.platform.keys import Keys
from infra.platform.network import PrivateNetwork
from infra.platform.queues import pair
from infra.platform.secrets import Secrets
from infra.platform.tables import GROUPS, Tables
from infra.stage import Stage
from shared.manifest import Manifest


def synthesizer(stage: Stage) -> IStackSynthesizer:
    """How stacks of the stage are deployed."""
    return DefaultStackSynthesizer() if stage.bootstrap_roles else CliCredentialsStackSynthesizer()


class Foundation(Stack):
    """What domains share. Its attributes are all that constructs of a domain may know of it."""

    def __init__(
        self, scope: Construct, *, house: House, manifests: Sequence[Manifest], copies: BackupCopies | None = None
    ) -> None:
        stage = house.stage
        super().__init__(
            scope,
            f"sharestack-{stage.name}",
            env=Environment(region=stage.region),
            synthesizer=synthesizer(stage),
            description="ShareStack: what every domain stands on",
            termination_protection=stage.keeps_data,
        )
        self.house = house
        readers = secret_readers(manifests)
        key = self._add_keys(readers)
        tables = Tables(self, "Tables", house=house, key=key, streamed=streamed_groups(manifests))
        self.stream_arns = tables.stream_arns
        buckets = Buckets(self, "Buckets", house=house, key=key, uploads=uploads(manifests))
        Bus(self, "Bus", house=house)
        for queue, timeout in queue_timeouts(manifests).items():
            pair(self, f"Queue-{queue}", queue, house=house, timeout=timeout)
        scheduler.CfnScheduleGroup(self, "Schedules", name=self.house.names.schedule_group)
        ses.EmailIdentity(self, "Sender", identity=ses.Identity.email(stage.mail_from))
        self.database = self._database(key, [manifest.domain for manifest in manifests])
        api = Api(self, "Api", house=house)
        self.api_id = api.api.ref
        edge = Edge(self, "Edge", house=house, api=api, buckets=buckets)
        self.public_url = edge.url
        self._watch_the_house()
        Dashboard(self, "Dashboard", house=house, api=api)
        if copies is not None:
            Backups(self, "Backups", house=house, copies=copies)
        self._tell(api, readers)

    def is_sealed(self, bucket: str) -> bool:
        """Whether a bucket is encrypted with the house's own key."""
        return bucket in SEALED

    def _add_keys(self, readers: Mapping[str, list[str]]) -> kms.IKey:
        keys = Keys(self, "Keys", house=self.house)
        self.keys = {"pii": keys.pii.key_arn, "data": keys.data.key_arn}
        Secrets(self, "Secrets", house=self.house, key=keys.data, readers=readers)
        sns.Topic(
            self,
            "AlarmTopic",
            topic_name=self.house.names.of("alarms"),
            master_key=keys.data,
            enforce_ssl=self.house.stage.requires_tls,
        )
        return keys.data

    def _database(self, key: kms.IKey, domains: Sequence[str]) -> Database:
        stage = self.house.stage
        if stage.aurora is None or stage.network is None:
            return ExistingDatabase(stage.database_dsn or "")
        network = PrivateNetwork(self, "Network", network=stage.network, region=stage.region)
        return AuroraDatabase(
            self,
            "Database",
            aurora=stage.aurora,
            house=self.house,
            network=network,
            key=key,
            domains=domains,
        )

    def _watch_the_house(self) -> None:
        """What no single function or queue can tell: errors anywhere, calls refused, and whether paying works."""
        self.house.alarms.throttles(self, "ThrottlesAlarm")
        self.house.alarms.above(
            self,
            "ErrorLinesAlarm",
            house_metric("error_lines"),
            ERROR_LINES,
            "More than 50 errors in 5 minutes (rule error_logs).",
        )
        failed, succeeded = (house_metric(name, service="payments") for name in PAYMENT_OUTCOMES)
        self.house.alarms.above(
            self,
            "PaymentFailureAlarm",
            share_percent(failed, [failed, succeeded], "failed payments %"),
            PAYMENT_FAILURE_PERCENT,
            "More than 5 % of payments failed (rule payment_failure).",
        )

        self.house.alarms.above(
            self,
            "AuditBrokenAlarm",
            house_metric("audit_broken", service="admin"),
            0,
            "The audit log is not what was sealed or anchored: run make verify-audit, keep the database as it is.",
        )
        self.house.alarms.above(
            self,
            "AuditLateAlarm",
            house_metric("audit_seal_late", service="admin"),
            0,
            "Audit rows wait for more than 10 minutes to be sealed: a transaction does not end, or the sealer fails.",
            periods=2,
        )
        self.house.alarms.above(
            self,
            "LedgerBrokenAlarm",
            house_metric("ledger_broken", service="finance"),
            0,
            "The books do not hold: run make verify-ledger, keep the database as it is.",
        )
        self.house.alarms.above(
            self,
            "LedgerLateAlarm",
            house_metric("ledger_seal_late", service="finance"),
            0,
            "Ledger entries wait for more than 10 minutes to be sealed: a transaction does not end, or the sealer fails.",
            periods=2,
        )

    def _tell(self, api: Api, secrets: Iterable[str]) -> None:
        told = {
            "PublicUrl": self.public_url,
            "ApiId": self.api_id,
            "ApiUrl": f"https://{api.host}",
            "BusName": self.house.names.bus,
            "ScheduleGroup": self.house.names.schedule_group,
            **{f"Table{group.title()}": self.house.names.table(group) for group in GROUPS},
            **{
                f"Bucket{bucket.title().replace('-', '')}": self.house.names.bucket(bucket)
                for bucket in ("media-private", "media-public", "exports", "documents", "audit")
            },
            **{f"Secret{secret.title().replace('-', '')}": self.house.names.of(secret) for secret in secrets},
        }
        for name, value in told.items():
            CfnOutput(self, name, value=value)
