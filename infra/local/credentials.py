"""Puts the simulators' keys into the product's secrets, as a person does with a vendor's real ones."""

import httpx

from infra.local import aws
from infra.local.outputs import read_outputs
from infra.local.settings import Local

VENDORS = ("alipay", "wechat", "unionpay", "einvoice", "sms", "oauth")


def hand_over(local: Local) -> None:
    """Ask each simulator for what a merchant would be given, and store it where the product looks."""
    outputs = read_outputs(local)
    secrets = aws.client(local, "secretsmanager")
    for vendor in VENDORS:
        given = httpx.get(f"{local.sandbox_url}/{vendor}/credentials", trust_env=False).raise_for_status()
        secrets.put_secret_value(SecretId=outputs[f"Secret{vendor.title()}"], SecretString=given.text)
