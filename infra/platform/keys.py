"""KMS keys: `pii` for personal data under envelope encryption, `data` for everything AWS stores for us."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.platform.house import House


class Keys(Construct):
    """The two keys, rotated every year."""

    def __init__(self, scope: Construct, name: str, *, house: House) -> None:
        super().__init__(scope, name)
        removal = house.removal
        self.pii, self.data = (
            kms.Key(
                self,
                key.title(),
                alias=f"alias/{house.names.of(key)}",
                description=description,
                enable_key_rotation=True,
                pending_window=Duration.days(30),
                removal_policy=removal,
            )
            for key, description in (
                ("pii", "Data keys of envelope encryption of personal data"),
                ("data", "Tables, buckets, database, secrets and alarms at rest"),
            )
        )
        # Alarms are published to an encrypted topic.
        self.data.grant_encrypt_decrypt(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
