"""The stack every domain stands on: keys, stores, bus, queues, network, database, API and edge."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, DefaultStackSynthesizer, Environment, IStackSynthesizer, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.manifests import queue_timeouts, streamed_groups, uploads
from infra.names import Names
from infra.platform.alarms import ERROR_LINES, PAYMENT_FAILURE_PERCENT, Alarms, house_metric, share_percent
from infra.platform.api import Api
from infra.platform.backup import BackupCopies, Backups
from infra.platform.buckets import SEALED, Buckets
from infra.platform.bus import Bus
from infra.platform.dashboard import Dashboard
from infra.platform.database import AuroraDatabase, Database, ExistingDatabase
from infra.platform.edge import Edge
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
        self, scope: Construct, *, stage: Stage, manifests: Sequence[Manifest], copies: BackupCopies | None = None
    ) -> None:
        super().__init__(
            scope,
            f"sharestack-{stage.name}",
            env=Environment(region=stage.region),
            synthesizer=synthesizer(stage),
            description="ShareStack: what every domain stands on",
            termination_protection=stage.keeps_data,
        )
        self.stage, self.names = stage, Names(stage.name, stage.region)
        self.alarms = Alarms(stage, self.names)
        key = self._add_keys()
        tables = Tables(self, "Tables", stage=stage, names=self.names, key=key, streamed=streamed_groups(manifests))
        self.stream_arns = tables.stream_arns
        buckets = Buckets(
            self, "Buckets", stage=stage, names=self.names, key=key, alarms=self.alarms, uploads=uploads(manifests)
        )
        Bus(self, "Bus", stage=stage, names=self.names)
        for queue, timeout in queue_timeouts(manifests).items():
            pair(self, f"Queue-{queue}", queue, names=self.names, alarms=self.alarms, timeout=timeout)
        scheduler.CfnScheduleGroup(self, "Schedules", name=self.names.schedule_group)
        ses.EmailIdentity(self, "Sender", identity=ses.Identity.email(stage.mail_from))
        self.database = self._database(key, [manifest.domain for manifest in manifests])
        api = Api(self, "Api", names=self.names, alarms=self.alarms)
        self.api_id = api.api.ref
        edge = Edge(self, "Edge", stage=stage, names=self.names, api=api, buckets=buckets)
        self.public_url = edge.url
        self._watch_the_house()
        Dashboard(self, "Dashboard", names=self.names, api=api)
        if copies is not None:
            Backups(self, "Backups", names=self.names, copies=copies)
        self._tell(api)

    def is_sealed(self, bucket: str) -> bool:
        """Whether a bucket is encrypted with the house's own key."""
        return bucket in SEALED

    def _add_keys(self) -> kms.IKey:
        keys = Keys(self, "Keys", stage=self.stage, names=self.names)
        self.keys = {"pii": keys.pii.key_arn, "data": keys.data.key_arn}
        self.secrets = Secrets(self, "Secrets", stage=self.stage, names=self.names, key=keys.data).arns
        sns.Topic(self, "AlarmTopic", topic_name=self.names.of("alarms"), master_key=keys.data, enforce_ssl=True)
        return keys.data

    def _database(self, key: kms.IKey, domains: Sequence[str]) -> Database:
        stage = self.stage
        if stage.aurora is None or stage.network is None:
            return ExistingDatabase(stage.database_dsn or "")
        network = PrivateNetwork(self, "Network", network=stage.network, region=stage.region)
        return AuroraDatabase(
            self,
            "Database",
            aurora=stage.aurora,
            names=self.names,
            network=network,
            key=key,
            alarms=self.alarms,
            domains=domains,
        )

    def _watch_the_house(self) -> None:
        """What no single function or queue can tell: errors anywhere, and whether paying works."""
        self.alarms.above(
            self,
            "ErrorLinesAlarm",
            house_metric("error_lines"),
            ERROR_LINES,
            "More than 50 errors in 5 minutes (rule error_logs).",
        )
        failed, succeeded = (house_metric(name, service="payments") for name in ("payment_failed", "payment_succeeded"))
        self.alarms.above(
            self,
            "PaymentFailureAlarm",
            share_percent(failed, [failed, succeeded], "failed payments %"),
            PAYMENT_FAILURE_PERCENT,
            "More than 5 % of payments failed (rule payment_failure).",
        )

    def _tell(self, api: Api) -> None:
        told = {
            "PublicUrl": self.public_url,
            "ApiId": self.api_id,
            "ApiUrl": f"https://{api.host}",
            "BusName": self.names.bus,
            "ScheduleGroup": self.names.schedule_group,
            **{f"Table{group.title()}": self.names.table(group) for group in GROUPS},
            **{
                f"Bucket{bucket.title().replace('-', '')}": self.names.bucket(bucket)
                for bucket in ("media-private", "media-public", "exports", "audit")
            },
            **{f"Secret{secret.title().replace('-', '')}": arn for secret, arn in self.secrets.items()},
        }
        for name, value in told.items():
            CfnOutput(self, name, value=value)
