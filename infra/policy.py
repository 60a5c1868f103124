"""IAM statements, typed: a resource with a wildcard in it cannot be written without saying why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import accept

Condition = Mapping[str, Mapping[str, Any]]


class UnexplainedWildcard(Exception):  # noqa: N818 - says what is wrong
    """A statement reaches more resources than it names, and gives no reason."""


@dataclass(frozen=True)
class Allow:
    """Actions allowed on resources. `wildcard` is the reason why a resource holds an asterisk."""

    actions: Sequence[str]
    resources: Sequence[str]
    condition: Condition | None = None
    wildcard: str = ""

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions) or (self.open_resources and not self.wildcard):
            raise UnexplainedWildcard(self.actions, self.resources)

    @property
    def open_resources(self) -> list[str]:
        """The resources with a wildcard."""
        return [resource for resource in self.resources if "*" in resource]

    def json(self) -> dict[str, Any]:
        """As IAM reads it."""
        statement: dict[str, Any] = {"Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources)}
        return {**statement, "Condition": self.condition} if self.condition else statement


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def by_service(service: str, statement: Allow) -> dict[str, Any]:
    """A statement of a resource's own policy, for an AWS service."""
    return {"Principal": {"Service": f"{service}.amazonaws.com"}, **statement.json()}


def role(scope: Construct, name: str, service: str, statements: Sequence[Allow]) -> iam.CfnRole:
    """A role that one AWS service assumes, and that may do exactly what the statements say."""
    assumed = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.CfnRole(
        scope,
        name,
        assume_role_policy_document=document(assumed),
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name="granted", policy_document=document(*(statement.json() for statement in statements))
            )
        ],
    )
    # cdk-nag wants one acknowledgement for each finding, and names the account in its own way.
    reasons = {resource: statement.wildcard for statement in statements for resource in statement.open_resources}
    for resource, reason in reasons.items():
        accept(made, f"IAM5[Resource::{resource.replace(Aws.ACCOUNT_ID, '<AWS::AccountId>')}]", reason)
    return made
