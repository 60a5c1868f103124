"""The follow graph on the real emulator, with IAM enforced and no more than the manifest grants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.identity.manifest import MANIFEST
from functions.identity.store import follows
from infra.local.settings import Local
from shared import aws, clock
from shared.manifest import Table
from tests.local.test_emulator import Running, local, running

__all__ = ["local"]

ANN, BOB, CEM = 1, 2, 3
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/social"


def table(emulator: Running) -> None:
    keys = ("pk", "sk", "gsi1pk", "gsi1sk")
    emulator.aws("dynamodb").create_table(
        TableName="social",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def become_the_function(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (grant,) = (
        grant
        for function in MANIFEST.functions
        for grant in function.grants
        if function.name == "http" and isinstance(grant, Table) and grant.group == "social"
    )
    allowed = {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in grant.actions],
        "Resource": [ARN, f"{ARN}/index/gsi1"],
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*" for prefix in grant.key_prefixes]}},
    }
    iam = emulator.aws("iam")
    iam.create_user(UserName="http")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="http", PolicyName="only", PolicyDocument=document)
    key = iam.create_access_key(UserName="http")["AccessKey"]
    variables = {
        "TABLE_SOCIAL": "social",
        "AWS_ENDPOINT_URL": emulator.local.emulator_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    aws.forget_clients()
    # Kept since their first use, which may have been another test's.
    follows._connection.cache_clear()
    for item in (follows.FollowItem, follows.PlaceItem):
        monkeypatch.setattr(item, "_connection", None)


@contextmanager
def forgetting() -> Iterator[None]:
    """Nobody after this test may go on talking to its emulator."""
    try:
        yield
    finally:
        follows._connection.cache_clear()
        aws.forget_clients()


def uids(found: list[follows.Follow]) -> list[int]:
    return [follow.uid for follow in found]


def test_the_grants_of_the_manifest_suffice_for_following_and_listing(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(local, auth=True) as emulator, forgetting():
        table(emulator)
        become_the_function(emulator, monkeypatch)
        assert follows.begin(ANN, BOB, clock.now())
        assert not follows.begin(ANN, BOB, clock.now())
        assert follows.begin(CEM, BOB, clock.now())
        assert follows.among([(ANN, BOB), (BOB, ANN)]) == {(ANN, BOB)}
        newest, oldest = follows.followers(BOB, newest_first=True, after=None, limit=5)
        assert uids([newest, oldest]) == [CEM, ANN]
        assert follows.followers(BOB, newest_first=True, after=newest, limit=5) == [oldest]
        assert uids(follows.followees(ANN, newest_first=True, after=None, limit=5)) == [BOB]
        assert follows.end(ANN, BOB)
        assert not follows.end(ANN, BOB)
        assert follows.followees(ANN, newest_first=True, after=None, limit=5) == []
    aws.forget_clients()
