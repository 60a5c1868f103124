"""S3: what users upload, what they see, what they export, what auditors ask for, and who read what."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import accept
from infra.platform.house import House
from infra.platform.queues import pair, take_from
from shared.manifest import OnUpload

EXPORT_DAYS = 7
LOG_DAYS = 90
AUDIT_DAYS = 1095
SEALED = frozenset({"media-private", "exports", "documents", "audit"})
"""Encrypted with the house's key; the others are public or hold logs."""


class Buckets(Construct):
    """The buckets, and a queue for each function that hears of uploads."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        house: House,
        key: kms.IKey,
        uploads: Sequence[tuple[str, OnUpload]],
    ) -> None:
        super().__init__(scope, name)
        self._house, self._key = house, key
        self.logs = self._bucket(
            "logs",
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,  # CloudFront delivers its logs by ACL
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(LOG_DAYS))],
        )
        accept(self.logs, "S1", "It holds the access logs; logging itself would never end.")
        self.media_public = self._bucket("media-public", **self._logged("media-public"))
        self.media_private = self._bucket(
            "media-private",
            **self._logged("media-private"),
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.PUT, s3.HttpMethods.POST, s3.HttpMethods.GET],
                    allowed_origins=[house.stage.public_url or "https://*"],
                    allowed_headers=["*"],
                    exposed_headers=["ETag"],
                    max_age=3600,
                )
            ],
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1))],
        )
        self.exports = self._bucket(
            "exports",
            **self._logged("exports"),
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(EXPORT_DAYS), abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
        )
        # Invoices and statements: as long as the law keeps vouchers, so nothing expires.
        self.documents = self._bucket(
            "documents",
            **self._logged("documents"),
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1))],
        )
        retention = Duration.days(AUDIT_DAYS)
        self.audit = self._bucket(
            "audit",
            **self._logged("audit"),
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(retention)
                if house.stage.audit_lock == "COMPLIANCE"
                else s3.ObjectLockRetention.governance(retention)
            ),
        )
        self._announce(uploads)

    def _bucket(self, name: str, **properties: object) -> s3.Bucket:
        sealed = name in SEALED
        return s3.Bucket(
            self,
            name,
            bucket_name=self._house.names.bucket(name),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=self._house.stage.requires_tls,
            encryption=s3.BucketEncryption.KMS if sealed else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self._key if sealed else None,
            bucket_key_enabled=sealed or None,
            removal_policy=self._house.removal,
            **properties,  # type: ignore[arg-type]  # keyword arguments of Bucket, passed on
        )

    def _logged(self, name: str) -> dict[str, object]:
        return {"server_access_logs_bucket": self.logs, "server_access_logs_prefix": f"s3/{name}/"}

    def _announce(self, uploads: Sequence[tuple[str, OnUpload]]) -> None:
        """Queue and bucket stand in one stack: S3 tries the queue when the notification is set."""
        configurations: dict[str, list[s3.CfnBucket.QueueConfigurationProperty]] = {}
        for domain, function in uploads:
            parts = (domain, function.name)
            heard = pair(self, "-".join(parts), *parts, house=self._house, timeout=function.timeout)
            take_from(
                heard.queue,
                "s3",
                {
                    "ArnEquals": {"aws:SourceArn": self._house.names.bucket_arn(function.bucket)},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
            prefix = s3.CfnBucket.FilterRuleProperty(name="prefix", value=function.prefix)
            configurations.setdefault(function.bucket, []).append(
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=heard.queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[prefix]))
                    if function.prefix
                    else None,
                )
            )
            self._named(function.bucket).node.add_dependency(heard.queue)
        for bucket, queues in configurations.items():
            made = self._named(bucket).node.default_child
            assert isinstance(made, s3.CfnBucket)  # noqa: S101 - narrows the type CDK documents
            made.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(queue_configurations=queues)

    def _named(self, bucket: str) -> s3.Bucket:
        known = {"media-public": self.media_public, "media-private": self.media_private, "exports": self.exports}
        if bucket not in known:
            message = f"nobody can upload to bucket {bucket!r}: choose one of {', '.join(known)}"
            raise ValueError(message)
        return known[bucket]
