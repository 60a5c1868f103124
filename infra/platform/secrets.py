"""Secrets Manager: made with a random value, then filled by a deploy task (`signing-keys`) or by a person (`alipay`)."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.nag import accept
from infra.names import Names
from infra.stage import Stage

SECRETS = {
    "signing-keys": "RS256 keys of access tokens; filled and rotated by identity",
    "alipay": "JSON: gateway_url, app_id, seller_id, app_private_key, alipay_public_key; filled by hand",
    "bootstrap-admin": "JSON: e-mail and password of the first operator; read once by identity",
}

_NOTHING = "{}"


class Secrets(Construct):
    """Every secret of the house, by name."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, names: Names, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self.arns: dict[str, str] = {}
        for secret, description in SECRETS.items():
            made = secretsmanager.Secret(
                self,
                secret,
                secret_name=names.of(secret),
                description=description,
                encryption_key=key,
                removal_policy=RemovalPolicy.RETAIN if stage.keeps_data else RemovalPolicy.DESTROY,
                generate_secret_string=secretsmanager.SecretStringGenerator(
                    secret_string_template=_NOTHING, generate_string_key="unset", exclude_punctuation=True
                ),
            )
            accept(made, "SMG4", "Rotated by their owners: signing keys by identity, vendor keys at the vendor.")
            self.arns[secret] = made.secret_arn
