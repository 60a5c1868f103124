"""Least privilege, read back from the templates: written here a second time, by hand, so that both must agree."""

from fnmatch import fnmatch

import pytest

from infra.policy import Allow, UnexplainedWildcard
from shared.manifest import (
    AnswersWorkflow,
    Bucket,
    Function,
    HttpFunction,
    Key,
    OnEvent,
    OnQueue,
    OnStream,
    OnUpload,
    Publishes,
    Queue,
    Scheduled,
    Schedules,
    Secret,
    SendsEmail,
    StartsWorkflow,
    Table,
)
from tests.infra.conftest import Resource, Synthesized, many, text

STAGES = ("local", "small", "prod")
ALWAYS = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
IN_THE_VPC = {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"}
UNDER_OUR_KEY = {
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
ITEM = {"TransactWriteItems": {"ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem"}}
TAKES_MESSAGES = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
READS_STREAM = {
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
    "sqs:SendMessage", "kms:Decrypt",
}  # fmt: skip

OPEN_RESOURCES = (
    # (action, resource) pairs that AWS or the thing itself leaves no narrower name for
    ("xray:*", "*"),
    ("ec2:*NetworkInterface*", "*"),
    ("dynamodb:ListStreams", "*"),
    ("logs:CreateLogStream", "*:log-group:/aws/lambda/sharestack-*:log-stream:[*]"),
    ("logs:PutLogEvents", "*:log-group:/aws/lambda/sharestack-*:log-stream:[*]"),
    ("logs:*", "*"),  # delivery of a state machine's log: no function has it, see below
    ("s3:*Object", "arn:aws:s3:::sharestack-*-<AWS::AccountId>/*[*]"),
    ("s3:AbortMultipartUpload", "arn:aws:s3:::sharestack-*-<AWS::AccountId>/*[*]"),
    ("states:*Execution", "*:execution:sharestack-*/[*]"),  # items of a Map: no function has it
    ("scheduler:*Schedule", "*:schedule/sharestack-*-schedules/*-[*]"),
)


def statements(role: Resource) -> list[Resource]:
    return [statement for policy in role.get("Policies", []) for statement in many(policy["PolicyDocument"]["Statement"])]


def actions(role: Resource) -> set[str]:
    return {action for statement in statements(role) for action in many(statement["Action"])}


def roles_of_functions(synthesized: Synthesized) -> dict[str, Resource]:
    """The role of every function of a domain, by the function's full name."""
    roles = synthesized.resources("AWS::IAM::Role")
    return {
        function["FunctionName"]: roles[f"{name.split('/')[0]}/{function['Role']['Fn::GetAtt'][0]}"]
        for name, function in synthesized.resources("AWS::Lambda::Function").items()
        if function["Handler"].startswith("functions.")
    }


TRIGGER = {OnEvent: TAKES_MESSAGES, OnQueue: TAKES_MESSAGES, OnUpload: TAKES_MESSAGES, OnStream: READS_STREAM} | {
    Scheduled: {"sqs:SendMessage"},
    HttpFunction: {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
        "events:PutEvents",
        *UNDER_OUR_KEY,
    },
}
BUCKET = {
    "read": {"s3:GetObject", "kms:Decrypt", "kms:GenerateDataKey"},
    "write": {"s3:PutObject", "s3:AbortMultipartUpload", "kms:Decrypt", "kms:GenerateDataKey"},
    "delete": {"s3:DeleteObject", "kms:Decrypt", "kms:GenerateDataKey"},
    "list": {"s3:ListBucket"},
    "versions": {"s3:ListBucketVersions"},
}
READS_SECRET = {"secretsmanager:GetSecretValue", "kms:Decrypt"}
SENTENCES = {
    Table: lambda grant: UNDER_OUR_KEY.union(*({f"dynamodb:{one}" for one in ITEM.get(a, {a})} for a in grant.actions)),
    Bucket: lambda grant: set().union(*(BUCKET[access] for access in grant.access)),
    Queue: lambda grant: {{"send": "sqs:SendMessage", "inspect": "sqs:GetQueueAttributes"}[grant.access]},
    Secret: lambda grant: (
        READS_SECRET | ({"secretsmanager:PutSecretValue", "kms:GenerateDataKey"} if grant.write else set())
    ),
    Key: lambda grant: {{"encrypt": "kms:GenerateDataKey", "decrypt": "kms:Decrypt"}[action] for action in grant.actions},
    StartsWorkflow: lambda _: {"states:StartExecution"},
    AnswersWorkflow: lambda _: {"states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"},
    Publishes: lambda _: {"events:PutEvents"},
    SendsEmail: lambda _: {"ses:SendEmail"},
    Schedules: lambda _: {"scheduler:CreateSchedule", "scheduler:DeleteSchedule", "iam:PassRole"},
}


def granted(function: Function) -> set[str]:
    """What the manifest's sentence about a function allows, action by action."""
    sentences = [SENTENCES[type(grant)](grant) for grant in function.grants]
    return ALWAYS.union(TRIGGER.get(type(function), set()), *sentences)


@pytest.mark.parametrize("name", STAGES)
def test_a_function_may_do_nothing_that_its_manifest_does_not_say(stage, functions, name):
    roles = roles_of_functions(stage(name))
    targets = {
        f"{domain}-{grant.target}"
        for domain, function in functions.values()
        for grant in function.grants
        if isinstance(grant, Schedules)
    }

    assert {full.removeprefix(f"sharestack-{name}-") for full in roles} == set(functions)
    for full, role in roles.items():
        short = full.removeprefix(f"sharestack-{name}-")
        _, function = functions[short]
        allowed = granted(function) | ({"sqs:SendMessage"} if short in targets else set())
        if name != "local" and function.sql:
            allowed |= {"rds-db:connect", *IN_THE_VPC}
        if name != "local" and function.sql_owner:
            allowed |= {"secretsmanager:GetSecretValue", "kms:Decrypt"}
        assert actions(role) <= allowed, f"{short} may also {actions(role) - allowed}"


@pytest.mark.parametrize("name", STAGES)
def test_no_role_reaches_beyond_what_it_names(stage, name):
    for where, role in stage(name).resources("AWS::IAM::Role").items():
        for statement in statements(role):
            for action in many(statement["Action"]):
                assert "*" not in action or where.split("/")[1].startswith("NetworkVpc"), f"{where} allows {action}"
                for resource in map(text, many(statement["Resource"])):
                    open_ = "*" not in resource or any(
                        fnmatch(action, known) and fnmatch(resource, pattern) for known, pattern in OPEN_RESOURCES
                    )
                    assert open_, f"{where} allows {action} on {resource}"


@pytest.mark.parametrize("name", STAGES)
def test_no_function_reaches_every_log(stage, name):
    for full, role in roles_of_functions(stage(name)).items():
        for statement in statements(role):
            if any(action.startswith("logs:") for action in many(statement["Action"])):
                (resource,) = map(text, many(statement["Resource"]))
                assert resource.endswith(f":log-group:/aws/lambda/{full}:log-stream:*")


@pytest.mark.parametrize("name", STAGES)
def test_a_function_speaks_for_its_own_domain_only(stage, functions, name):
    for full, role in roles_of_functions(stage(name)).items():
        domain, function = functions[full.removeprefix(f"sharestack-{name}-")]
        every = any(isinstance(grant, Publishes) and grant.every_source for grant in function.grants)
        for statement in statements(role):
            if "events:PutEvents" in many(statement["Action"]):
                source = statement["Condition"]["StringLikeIfExists"]["events:source"]
                assert source == ("sharestack.*" if every else f"sharestack.{domain}")


@pytest.mark.parametrize("name", STAGES[1:])
def test_a_function_signs_in_to_the_database_as_its_own_domain_only(stage, functions, name):
    for full, role in roles_of_functions(stage(name)).items():
        domain, _ = functions[full.removeprefix(f"sharestack-{name}-")]
        users = [
            text(resource).rsplit("/", 1)[1]
            for statement in statements(role)
            if "rds-db:connect" in many(statement["Action"])
            for resource in many(statement["Resource"])
        ]
        assert set(users) <= {domain}


def test_a_granted_key_prefix_binds_every_item_action(stage):
    role = roles_of_functions(stage("prod"))["sharestack-prod-sample-http"]
    tables = [
        (text(many(statement["Resource"])[0]).rsplit("/", 1)[1], statement["Condition"]["ForAllValues:StringLike"])
        for statement in statements(role)
        if many(statement["Action"])[0].startswith("dynamodb:")
    ]

    assert tables == [
        ("sharestack-prod-social", {"dynamodb:LeadingKeys": ["S#*"]}),
        ("sharestack-prod-identity", {"dynamodb:LeadingKeys": ["U#*", "JWKS*", "EDGE*"]}),
        ("sharestack-prod-ops", {"dynamodb:LeadingKeys": ["RL#*"]}),
        ("sharestack-prod-ops", {"dynamodb:LeadingKeys": ["KU#*"]}),
    ]
    [noting] = [one for one in statements(role) if "KU#*" in str(one.get("Condition"))]
    assert many(noting["Action"]) == ["dynamodb:UpdateItem"]


def test_a_scheduler_role_calls_one_function_and_nothing_else(stage):
    for where, role in stage("prod").resources("AWS::IAM::Role").items():
        if "scheduler.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]):
            continue
        called = [
            text(resource)
            for statement in statements(role)
            if "lambda:InvokeFunction" in many(statement["Action"])
            for resource in many(statement["Resource"])
        ]
        assert len(called) == 1, where
        assert actions(role) == {"lambda:InvokeFunction", "sqs:SendMessage"}


def test_a_wildcard_without_a_reason_cannot_be_written():
    with pytest.raises(UnexplainedWildcard):
        Allow(["s3:GetObject"], ["arn:aws:s3:::bucket/*"])
    with pytest.raises(UnexplainedWildcard):
        Allow(["s3:*"], ["arn:aws:s3:::bucket/key"], wildcard="no reason is good enough for all actions")
