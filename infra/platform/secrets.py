"""Secrets Manager: every secret some manifest is granted, made with a random value.

Deploy tasks fill what the house makes itself (`signing-keys`), a person what a vendor gave (`alipay`).
"""

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.nag import accept
from infra.platform.house import House

_NOTHING = "{}"


class Secrets(Construct):
    """Every secret of the house, by name; `readers` are the domains each is granted to."""

    def __init__(
        self, scope: Construct, name: str, *, house: House, key: kms.IKey, readers: Mapping[str, list[str]]
    ) -> None:
        super().__init__(scope, name)
        for secret, domains in readers.items():
            made = secretsmanager.Secret(
                self,
                secret,
                secret_name=house.names.of(secret),
                description=f"Read by {', '.join(domains)}",
                encryption_key=key,
                removal_policy=house.removal,
                generate_secret_string=secretsmanager.SecretStringGenerator(
                    secret_string_template=_NOTHING, generate_string_key="unset", exclude_punctuation=True
                ),
            )
            accept(made, "SMG4", "Rotated by their owners: signing keys by identity, vendor keys at the vendor.")
