"""What a manifest's grants mean: the IAM statements that allow them and the variables that name their resources."""

from dataclasses import dataclass, field
from functools import singledispatch

from infra.constructs.scope import DomainScope
from infra.platform.foundation import Foundation
from infra.policy import Allow, Condition
from shared.manifest import (
    AnswersWorkflow,
    Bucket,
    Grant,
    Key,
    Publishes,
    Queue,
    Schedules,
    Secret,
    SendsEmail,
    StartsWorkflow,
    Table,
)

_ITEM_ACTIONS = {
    # A transaction is authorized item by item.
    "TransactWriteItems": ("ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem"),
}
_OBJECT_ACTIONS = {
    "read": ("s3:GetObject",),
    "write": ("s3:PutObject", "s3:AbortMultipartUpload"),
    "delete": ("s3:DeleteObject",),
    "list": (),
    "versions": (),
}
_LISTS = {"list": "s3:ListBucket", "versions": "s3:ListBucketVersions"}
_KEY_ACTIONS = {"encrypt": "kms:GenerateDataKey", "decrypt": "kms:Decrypt"}


@dataclass
class Access:
    """What one or more grants come to."""

    statements: list[Allow] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def through_service(foundation: Foundation, service: str, *actions: str) -> Allow:
    """Use of the house's data key, by way of the service that encrypts with it."""
    via = {"kms:ViaService": f"{service}.{foundation.house.stage.region}.amazonaws.com"}
    return Allow([f"kms:{action}" for action in actions], [foundation.keys["data"]], {"StringEquals": via})


def variable(kind: str, name: str) -> str:
    """The environment variable of a resource: kind `BUCKET` and name `media-private` give `BUCKET_MEDIA_PRIVATE`."""
    return f"{kind}_{name}".upper().replace("-", "_")


@singledispatch
def access(grant: Grant, scope: DomainScope) -> Access:
    """What a grant to a function of the domain allows and names."""
    message = f"{scope.domain} asks for {grant!r}, which is no grant"
    raise TypeError(message)


@access.register
def _(grant: Table, scope: DomainScope) -> Access:
    actions = sorted({one for action in grant.actions for one in _ITEM_ACTIONS.get(action, (action,))})
    arn = scope.names.table_arn(grant.group)
    condition: Condition | None = None
    if grant.key_prefixes:
        prefixes = [f"{prefix}*" for prefix in grant.key_prefixes]
        condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": prefixes}}
    return Access(
        [
            Allow(
                [f"dynamodb:{action}" for action in actions],
                [arn, *([f"{arn}/index/gsi1"] if "Query" in actions else [])],
                condition,
            ),
            through_service(
                scope.foundation,
                "dynamodb",
                "Decrypt",
                "DescribeKey",
                "Encrypt",
                "GenerateDataKey",
                "ReEncryptFrom",
                "ReEncryptTo",
            ),
        ],
        {variable("TABLE", grant.group): scope.names.table(grant.group)},
    )


@access.register
def _(grant: Bucket, scope: DomainScope) -> Access:
    bucket = scope.names.bucket_arn(grant.name)
    statements = []
    if actions := [action for kind in grant.access for action in _OBJECT_ACTIONS[kind]]:
        below = [f"{bucket}/{grant.prefix}*"]
        statements.append(Allow(actions, below, wildcard="Objects below the prefix that was granted."))
    below_prefix: Condition = {"StringLike": {"s3:prefix": f"{grant.prefix}*"}}
    statements += [Allow([lists], [bucket], below_prefix) for kind, lists in _LISTS.items() if kind in grant.access]
    if scope.foundation.is_sealed(grant.name) and actions:
        statements.append(through_service(scope.foundation, "s3", "Decrypt", "GenerateDataKey"))
    return Access(statements, {variable("BUCKET", grant.name): scope.names.bucket(grant.name)})


@access.register
def _(grant: Queue, scope: DomainScope) -> Access:
    action = {"send": "sqs:SendMessage", "inspect": "sqs:GetQueueAttributes"}[grant.access]
    return Access(
        [Allow([action], [scope.names.queue_arn(grant.name)])],
        {variable("QUEUE", grant.name): scope.names.queue_url(grant.name)},
    )


@access.register
def _(grant: Secret, scope: DomainScope) -> Access:
    arn = scope.names.secret_arn(grant.name)
    actions = ["secretsmanager:GetSecretValue", *(["secretsmanager:PutSecretValue"] if grant.write else [])]
    return Access(
        [
            Allow(actions, [arn]),
            through_service(scope.foundation, "secretsmanager", "Decrypt", *(["GenerateDataKey"] if grant.write else [])),
        ],
        {variable("SECRET", grant.name): scope.names.of(grant.name)},
    )


@access.register
def _(grant: Key, scope: DomainScope) -> Access:
    arn = scope.foundation.keys[grant.name]
    return Access([Allow([_KEY_ACTIONS[action] for action in grant.actions], [arn])], {variable("KEY", grant.name): arn})


@access.register
def _(grant: StartsWorkflow, scope: DomainScope) -> Access:
    arn = scope.names.workflow_arn(scope.domain, grant.name)
    return Access([Allow(["states:StartExecution"], [arn])], {variable("WORKFLOW", grant.name): arn})


@access.register
def _(grant: AnswersWorkflow, scope: DomainScope) -> Access:
    arn = scope.names.workflow_arn(scope.domain, grant.name)
    actions = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
    return Access([Allow(actions, [arn])], {variable("WORKFLOW", grant.name): arn})


@access.register
def _(grant: Publishes, scope: DomainScope) -> Access:
    sources = "sharestack.*" if grant.every_source else f"sharestack.{scope.domain}"
    # The key is part of every PutEvents; IfExists only because the emulator does not send it.
    own: Condition = {"StringLikeIfExists": {"events:source": sources}}
    return Access([Allow(["events:PutEvents"], [scope.names.bus_arn], own)], {"BUS": scope.names.bus})


@access.register
def _(grant: SendsEmail, scope: DomainScope) -> Access:
    del grant
    sender = scope.house.stage.mail_from
    # As above: SES always says who the sender is, the emulator does not.
    ours = {"StringEqualsIfExists": {"ses:FromAddress": sender}}
    identity = scope.names.arn("ses", f"identity/{sender}")
    return Access([Allow(["ses:SendEmail"], [identity], ours)], {"MAIL_FROM": sender})


@access.register
def _(grant: Schedules, scope: DomainScope) -> Access:
    names = scope.names
    role = scope.scheduler_role(grant.target)
    entries = names.arn("scheduler", f"schedule/{names.schedule_group}/{scope.domain}-*")
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return Access(
        [
            Allow(
                ["scheduler:CreateSchedule", "scheduler:DeleteSchedule"],
                [entries],
                wildcard="Entries are made at run time; the domain's own all begin with its name.",
            ),
            Allow(["iam:PassRole"], [role], to_scheduler),
        ],
        {
            "SCHEDULE_GROUP": names.schedule_group,
            "SCHEDULE_ROLE": role,
            "SCHEDULE_TARGET": names.function_arn(scope.domain, grant.target),
        },
    )
