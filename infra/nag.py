"""Exceptions to the AwsSolutions rules, each with its reason, given where the thing is made."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Let a finding of cdk-nag stand. `rule` without its pack, e.g. `S1` or `IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
