"""The table group `social` with its stream, as Lambda reads it."""

from collections.abc import Iterable
from threading import RLock
from typing import Any

import pytest
from botocore.config import Config
from moto.core.botocore_stubber import BotocoreStubber

from functions.identity import on_social_stream
from shared import aws
from shared.sql.connection import connect
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT

TABLE = "sharestack-test-social"


class Stream:
    """Every change of the table since the stream was opened."""

    def __init__(self) -> None:
        made = aws.client("dynamodb").update_table(
            TableName=TABLE, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        )
        self._arn = made["TableDescription"]["LatestStreamArn"]
        self._read = 0

    @property
    def records(self) -> list[dict[str, Any]]:
        """All of them, oldest first, shaped as Lambda hands them over."""
        # moto does not know the host names that have the account in them.
        client: Any = aws.session().create_client("dynamodbstreams", config=Config(account_id_endpoint_mode="disabled"))
        (shard,) = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        iterator = client.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found: list[dict[str, Any]] = []
        while some := (answer := client.get_records(ShardIterator=iterator, Limit=1000))["Records"]:
            found += some
            iterator = answer["NextShardIterator"]
        return found

    def fresh(self) -> list[dict[str, Any]]:
        """What changed since the last look."""
        records = self.records
        new, self._read = records[self._read :], len(records)
        return new

    def flow(self, house: House) -> None:
        """Let the listener hear what changed since the last time."""
        new = self.fresh()
        with house.acting("identity"):
            assert hear(new) == []


def hear(records: list[dict[str, Any]]) -> list[str]:
    """Call the listener as Lambda does; the sequence numbers it reports as failed."""
    failures = on_social_stream.handler({"Records": records}, CONTEXT)["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def edges() -> set[tuple[int, int]]:
    """Who follows whom, read from the relationships; the lists by time must say the same."""
    items = aws.client("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]
    keys = [(item["pk"]["S"].removeprefix("U#"), item["sk"]["S"]) for item in items]
    found = {(int(pk), int(sk.removeprefix("F#"))) for pk, sk in keys if sk.startswith("F#")}
    places = [(int(pk), int(sk.rsplit("#", 1)[1])) for pk, sk in keys if sk.startswith("FT#")]
    assert sorted(places) == sorted(found)
    return found


def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto serve one call at a time: DynamoDB judges a condition and writes in one step, moto in several."""
    lock, serve = RLock(), BotocoreStubber.__call__

    def served(self: BotocoreStubber, *given: Any, **named: Any) -> Any:
        with lock:
            return serve(self, *given, **named)

    monkeypatch.setattr(BotocoreStubber, "__call__", served)


def populate(dsn: str, people: Iterable[int]) -> None:
    """Active users with profiles, committed."""
    with connect(dsn) as owner:

        def sql(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
            cursor = owner.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        for uid in people:
            make_user(sql, uid, f"u{uid}")
