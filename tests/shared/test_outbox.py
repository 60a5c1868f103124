"""Facts leave exactly when the change is committed, and a crash between the two loses none."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from events.identity import UserRegistered
from shared import aws, clock
from shared.batch import on_fact
from shared.ids import new_ulid
from shared.sql import connection, outbox
from shared.sql.connection import connect, transaction
from shared.sql.edge import unit_of_work


def fact(uid: int = 1) -> UserRegistered:
    now = clock.now()
    return UserRegistered(event_id=new_ulid(), occurred_at=now, uid=uid, locale="en", registered_at=now)


@pytest.fixture
def bus(cloud, monkeypatch) -> Any:
    """A queue that hears everything put on the bus."""
    monkeypatch.setenv("BUS", "default")
    queue = aws.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events = aws.client("events")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["sharestack.identity"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn}])

    def heard() -> list[str]:
        found = []
        while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"])["detail"]["event_id"] for message in messages]
            for message in messages:
                aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    return heard


@pytest.fixture
def dsn(fresh_database) -> str:
    connection.use(connect(fresh_database("identity")))
    return str(fresh_database("identity"))


def unsent(dsn: str) -> int:
    with connect(dsn) as db:
        (count,) = db.execute("SELECT count(*) FROM platform.outbox_events WHERE sent_at IS NULL").fetchall()[0]
        return int(count)


def test_a_committed_fact_is_published_and_marked(bus, dsn) -> None:
    said = fact()
    with unit_of_work() as db:
        outbox.record(db, said)
    assert bus() == [said.event_id]
    assert unsent(dsn) == 0


def test_a_rolled_back_fact_never_happened(bus, dsn) -> None:
    def change() -> None:
        with unit_of_work() as db:
            outbox.record(db, fact())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    with unit_of_work():
        pass
    assert bus() == []
    assert unsent(dsn) == 0


def test_a_crash_after_the_commit_is_healed_by_the_sweep(bus, dsn) -> None:
    said = fact()
    with transaction() as db:  # the process dies before `send`
        outbox.record(db, said)
        outbox.store(db)
    assert bus() == []
    assert outbox.sweep(connection.current(), clock.now()) == 0, "a fact in flight is left to its own request"
    assert outbox.sweep(connection.current(), clock.now() + timedelta(seconds=11)) == 1
    assert bus() == [said.event_id]
    assert outbox.sweep(connection.current(), clock.now() + timedelta(seconds=11)) == 0


def test_a_bus_that_is_down_keeps_the_fact_for_the_sweep(bus, dsn, monkeypatch) -> None:
    said = fact()
    monkeypatch.setenv("BUS", "no-such-bus")
    with unit_of_work() as db:
        outbox.record(db, said)
    assert unsent(dsn) == 1
    monkeypatch.setenv("BUS", "default")
    assert outbox.sweep(connection.current(), clock.now() + timedelta(minutes=1)) == 1
    assert bus() == [said.event_id]


def test_more_facts_than_one_call_takes(bus, dsn) -> None:
    facts = [fact(n) for n in range(23)]
    with unit_of_work() as db:
        for item in facts:
            outbox.record(db, item)
    assert sorted(bus()) == sorted(item.event_id for item in facts)
    assert unsent(dsn) == 0


def sqs_event(*facts: UserRegistered) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(n), "body": json.dumps({"detail": json.loads(item.model_dump_json())})}
            for n, item in enumerate(facts)
        ]
    }


def test_a_fact_delivered_twice_has_one_effect(cloud, dsn) -> None:
    seen: list[int] = []
    handler = on_fact(UserRegistered, lambda _db, f: seen.append(f.uid), "tests.twice")
    said = fact(7)
    assert handler(sqs_event(said, said), None) == {"batchItemFailures": []}
    assert handler(sqs_event(said), None) == {"batchItemFailures": []}
    assert seen == [7]


def test_one_bad_message_does_not_hold_back_the_others(cloud, dsn) -> None:
    seen: list[int] = []

    def react(_db: Any, f: UserRegistered) -> None:
        if f.uid == 2:
            raise RuntimeError("bad")
        seen.append(f.uid)

    handler = on_fact(UserRegistered, react, "tests.bad")
    bad = fact(2)
    assert handler(sqs_event(fact(1), bad, fact(3)), None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert seen == [1, 3]
    assert handler(sqs_event(bad), None)["batchItemFailures"], "a failed fact was not remembered as done"


def test_eight_deliveries_at_once_have_one_effect(cloud, fresh_database) -> None:
    dsn, said = fresh_database("identity"), fact()

    def deliver(_: int) -> bool:
        from shared.batch import first_time

        with connect(dsn) as db, db.transaction():
            return first_time(db, "tests.race", said.event_id)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(deliver, range(8))) == [False] * 7 + [True]


def test_a_role_cannot_rewrite_a_fact(fresh_database) -> None:
    import psycopg

    with connect(fresh_database("identity")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("UPDATE platform.outbox_events SET payload = '{}'")
