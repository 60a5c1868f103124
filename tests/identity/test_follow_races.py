"""The follow graph under many hands, and its listener killed in the middle. On a database that commits."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from functions.identity.service import follows
from functions.identity.store.follows import FollowItem
from shared.batch import first_time
from shared.dynamo.streams import Change
from shared.sql import connection as house_connection
from shared.sql import outbox
from shared.sql.connection import Connection
from tests.identity.social import Stream, edges, hear, one_at_a_time, populate
from tests.identity.test_races import Together

PEOPLE = range(100_001, 100_007)
THREADS = 16
ANN, BOB = 100_001, 100_002


@pytest.fixture
def together(fresh_database: Callable[..., str], cloud: None, monkeypatch: pytest.MonkeyPatch) -> Together:
    """Threads, people to follow each other, and a table that judges one write at a time, as DynamoDB does for an item."""
    one_at_a_time(monkeypatch)
    populate(fresh_database(), PEOPLE)
    return Together(fresh_database)


@pytest.fixture
def stream(together: Together) -> Stream:
    return Stream()


@pytest.fixture
def environment(together: Together, fresh_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The listener's own environment: it connects by itself."""
    monkeypatch.setenv("DATABASE_URL", fresh_database("identity"))
    house_connection.use(None)
    yield
    house_connection.current().close()
    house_connection.use(None)


def counters(together: Together) -> dict[int, tuple[int, int]]:
    rows = together.sql("SELECT uid, followers_count, following_count FROM identity.user_profiles")
    return {uid: (followers, following) for uid, followers, following in rows}


def expected(graph: set[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    followers, following = Counter(f for _, f in graph), Counter(f for f, _ in graph)
    return {uid: (followers[uid], following[uid]) for uid in PEOPLE}


def apply(db: Connection, records: list[dict[str, Any]]) -> None:
    """What the listener does with each record, on this thread's connection."""
    for change in map(Change.of, records):
        if follows.concerns(change):
            with db.transaction():
                if first_time(db, "identity.on_social_stream", change.event_id):
                    follows.count(db, change)
                outbox.store(db)
            db.facts = []


def storm(db: Connection, index: int) -> None:
    """Follow and unfollow at random, often the very pair another thread has in hand."""
    dice = random.Random(index)
    for _ in range(12):
        follower, followee = dice.sample(PEOPLE, 2)
        (follows.begin if dice.random() < 0.6 else follows.end)(db, follower, followee)


def test_after_a_storm_the_counters_equal_the_graph_though_the_stream_comes_twice_and_in_disorder(
    together: Together, stream: Stream
) -> None:
    assert set(together.run(THREADS, storm)) == {None}
    records = stream.records
    kinds = Counter(record["eventName"] for record in records)
    assert kinds["INSERT"] > kinds["REMOVE"] > 20
    heard = records * 2
    random.Random(7).shuffle(heard)
    assert set(together.run(8, lambda db, index: apply(db, heard[index::8]))) == {None}
    graph = edges()
    assert counters(together) == expected(graph)
    counted = together.sql("SELECT follower_id, followee_id FROM identity.counted_follows WHERE balance = 1")
    assert set(counted) == graph
    assert together.sql("SELECT count(*) FROM identity.counted_follows WHERE balance NOT IN (0, 1)") == [(0,)]
    told = together.sql("SELECT payload->>'follower_id', payload->>'followee_id' FROM platform.outbox_events")
    assert len(told) == len(set(told)) >= len(graph)


def test_every_follower_sees_their_own_click_exactly_while_the_stream_runs_behind(
    together: Together, stream: Stream
) -> None:
    def click(db: Connection, index: int) -> list[int]:
        if index % 2:  # the listener, somewhere behind, in no order
            for round_ in range(8):
                apply(db, stream.records[::-1][round_ % 2 :: 2])
            return []
        mine, theirs = PEOPLE[index // 2], PEOPLE[(index // 2 + 1) % len(PEOPLE)]
        return [(follows.end if round_ % 2 else follows.begin)(db, mine, theirs) for round_ in range(8)]

    got = together.run(2 * len(PEOPLE), click)
    assert got == [[], [1, 0] * 4][::-1] * len(PEOPLE)
    together.once(lambda db: apply(db, stream.records))
    assert counters(together) == expected(edges()) == dict.fromkeys(PEOPLE, (0, 0))


def test_of_sixteen_who_click_for_one_person_one_click_counts(together: Together, stream: Stream) -> None:
    got = together.run(THREADS, lambda db, _index: follows.begin(db, ANN, BOB))
    assert got == [1] * THREADS
    assert [record["eventName"] for record in stream.fresh()] == ["INSERT"] * 2
    got = together.run(THREADS, lambda db, _index: follows.end(db, ANN, BOB))
    assert got == [0] * THREADS
    assert [record["eventName"] for record in stream.fresh()] == ["REMOVE"] * 2


def test_two_who_follow_each_other_at_once_do_not_wait_in_a_circle(together: Together, stream: Stream) -> None:
    for follower, followee in [(a, b) for a in PEOPLE for b in PEOPLE if a != b]:
        together.once(partial(follows.begin, follower=follower, followee=followee))
    records = stream.records
    assert set(together.run(8, lambda db, index: apply(db, records[index::8]))) == {None}
    assert counters(together) == expected(edges()) == dict.fromkeys(PEOPLE, (5, 5))


KILL = """
CREATE FUNCTION identity.die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(0); RETURN NEW; END $$;
ALTER FUNCTION identity.die() SECURITY DEFINER;
CREATE {when} TRIGGER die AFTER INSERT ON {table} {how} FOR EACH ROW EXECUTE FUNCTION identity.die();
"""
MOMENTS = {
    "before it is counted": ("", "platform.processed_events", ""),
    "once it is counted": ("", "identity.counted_follows", ""),
    "while it is announced": ("", "platform.outbox_events", ""),
    "at the commit": ("CONSTRAINT", "identity.counted_follows", "DEFERRABLE INITIALLY DEFERRED"),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.usefixtures("environment")
def test_a_listener_killed_on_the_way_leaves_nothing_and_counts_once_when_it_comes_again(
    together: Together, stream: Stream, fresh_database: Callable[..., str], moment: str
) -> None:
    together.once(lambda db: follows.begin(db, ANN, BOB))
    records = stream.records
    when, table, how = MOMENTS[moment]
    with house_connection.connect(fresh_database()) as owner:
        owner.execute(KILL.format(when=when, table=table, how=how))
        (edge,) = [one for one in records if one["dynamodb"]["Keys"]["sk"]["S"].startswith("F#")]
        assert hear(records) == [edge["dynamodb"]["SequenceNumber"]]
        for left in ("identity.counted_follows", "platform.processed_events", "platform.outbox_events"):
            assert owner.execute(f"SELECT count(*) FROM {left}").fetchall() == [(0,)]
        owner.execute(f"DROP TRIGGER die ON {table}")
    for _ in range(3):
        assert hear(records) == []
    assert counters(together)[BOB] == (1, 0)
    assert counters(together)[ANN] == (0, 1)
    assert together.sql("SELECT topic FROM platform.outbox_events") == [("identity.user_followed.v1",)]


@pytest.mark.usefixtures("environment")
def test_a_click_whose_answer_was_lost_is_the_same_click_when_it_is_made_again(
    together: Together, stream: Stream, fresh_database: Callable[..., str]
) -> None:
    with house_connection.connect(fresh_database("identity")) as db:
        follows.begin(db, ANN, BOB)
    assert together.once(lambda db: follows.begin(db, ANN, BOB)) == 1
    assert hear(stream.records) == []
    assert counters(together)[BOB] == (1, 0)
    assert FollowItem.count(f"U#{ANN}", FollowItem.sk.startswith("F#")) == 1
