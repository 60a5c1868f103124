"""Following and unfollowing, counted by the stream, as the routes show it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.identity import http
from functions.identity.service import follows
from shared import aws, clock
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.social import Stream, edges, hear

ANN, BOB, CEM, DEE = 100_001, 100_002, 100_003, 100_004


@pytest.fixture
def users(api: Callable[..., Api], house: House) -> Api:
    """The routes, and four people."""
    for uid, name in ((ANN, "ann"), (BOB, "bob"), (CEM, "cem"), (DEE, "dee")):
        make_user(house.sql, uid, name)
    return api(http.handler, "identity")


@pytest.fixture
def stream(cloud: None) -> Stream:
    """The changes of the table."""
    return Stream()


def counters(house: House, uid: int) -> tuple[int, int]:
    ((followers, following),) = house.sql(
        "SELECT followers_count, following_count FROM identity.user_profiles WHERE uid = %s", (uid,)
    )
    return followers, following


def test_a_follow_counts_at_once_for_its_follower_and_soon_for_all(
    users: Api, house: House, stream: Stream, sign_in: SignIn
) -> None:
    ann, bob = sign_in(ANN), sign_in(BOB)
    assert users.post(f"/users/follow/{CEM}", token=ann).data == {"following": True, "followers_count": 1}
    assert users.post(f"/users/follow/{CEM}", token=bob).data == {"following": True, "followers_count": 1}
    assert counters(house, CEM) == (0, 0)
    stream.flow(house)
    assert counters(house, CEM) == (2, 0)
    assert counters(house, ANN) == (0, 1)
    assert edges() == {(ANN, CEM), (BOB, CEM)}


def test_following_again_and_unfollowing_again_change_nothing(
    users: Api, house: House, stream: Stream, sign_in: SignIn
) -> None:
    ann = sign_in(ANN)
    for _ in range(3):
        assert users.post(f"/users/follow/{BOB}", token=ann).data == {"following": True, "followers_count": 1}
    stream.flow(house)
    assert users.post(f"/users/follow/{BOB}", token=ann).data == {"following": True, "followers_count": 1}
    assert counters(house, BOB) == (1, 0)
    for _ in range(3):
        assert users.delete(f"/users/unfollow/{BOB}", token=ann).data == {"following": False, "followers_count": 0}
    stream.flow(house)
    assert users.delete(f"/users/unfollow/{BOB}", token=ann).data == {"following": False, "followers_count": 0}
    assert (counters(house, BOB), counters(house, ANN), edges()) == ((0, 0), (0, 0), set())


@pytest.mark.parametrize("counted", range(6))
def test_the_followers_own_click_shows_whatever_part_of_it_is_counted(
    users: Api, house: House, stream: Stream, sign_in: SignIn, counted: int
) -> None:
    ann, bob = sign_in(ANN), sign_in(BOB)
    users.post(f"/users/follow/{CEM}", token=bob)
    stream.flow(house)
    for _ in range(2):
        users.post(f"/users/follow/{CEM}", token=ann)
        users.delete(f"/users/unfollow/{CEM}", token=ann)
    users.post(f"/users/follow/{CEM}", token=ann)
    changes = [record for record in stream.fresh() if record["dynamodb"]["Keys"]["sk"]["S"].startswith("F#")]
    assert len(changes) == 5
    with house.acting("identity"):
        assert hear(changes[:counted]) == []
    shown = users.get(f"/users/profile/{CEM}", token=ann).data
    assert (shown["followers_count"], shown["viewer"]) == (2, {"is_following": True, "is_followed_by": False})
    assert users.post(f"/users/follow/{CEM}", token=ann).data["followers_count"] == 2
    assert users.delete(f"/users/unfollow/{CEM}", token=ann).data["followers_count"] == 1
    assert users.get(f"/users/profile/{CEM}", token=ann).data["followers_count"] == 1


def test_a_stream_heard_twice_and_out_of_order_counts_the_same(
    users: Api, house: House, stream: Stream, sign_in: SignIn
) -> None:
    ann, bob = sign_in(ANN), sign_in(BOB)
    for method, who, whom in (
        ("POST", ann, CEM), ("DELETE", ann, CEM), ("POST", ann, CEM), ("POST", bob, CEM), ("POST", ann, BOB),
        ("DELETE", bob, CEM), ("POST", bob, ANN),
    ):  # fmt: skip
        verb = "follow" if method == "POST" else "unfollow"
        assert users.call(method, f"/users/{verb}/{whom}", token=who).status == 200
    records = stream.fresh()
    with house.acting("identity"):
        assert hear(records[::-1]) == hear(records) == hear(records[1::2] + records[::2]) == []
    assert {uid: counters(house, uid) for uid in (ANN, BOB, CEM)} == {ANN: (1, 2), BOB: (1, 1), CEM: (1, 0)}
    balances = house.sql("SELECT follower_id, followee_id FROM identity.counted_follows WHERE balance = 1")
    assert set(balances) == edges() == {(ANN, CEM), (ANN, BOB), (BOB, ANN)}
    assert house.sql("SELECT 1 FROM identity.counted_follows WHERE balance NOT IN (0, 1)") == []


def test_a_new_follower_is_told_of_once_a_day_whatever_storm_blows(
    users: Api, house: House, stream: Stream, sign_in: SignIn
) -> None:
    start = clock.now()

    def toggle(times: int) -> None:
        ann = sign_in(ANN)
        for _ in range(times):
            users.post(f"/users/follow/{BOB}", token=ann)
            users.delete(f"/users/unfollow/{BOB}", token=ann)

    with clock.frozen(start):
        toggle(4)
        stream.flow(house)
    (told,) = house.facts("identity.user_followed.v1")
    assert (told["follower_id"], told["followee_id"]) == (ANN, BOB)
    with clock.frozen(start + timedelta(hours=23, minutes=59)):
        toggle(2)
        stream.flow(house)
    assert len(house.facts("identity.user_followed.v1")) == 1
    with clock.frozen(start + timedelta(hours=24)):
        toggle(2)
        stream.flow(house)
    assert len(house.facts("identity.user_followed.v1")) == 2


def test_a_pair_long_ended_leaves_no_trace(users: Api, house: House, stream: Stream, sign_in: SignIn) -> None:
    start = clock.now()
    with clock.frozen(start):
        users.post(f"/users/follow/{BOB}", token=sign_in(ANN))
        stream.flow(house)
    with clock.frozen(start + timedelta(days=2)):
        users.delete(f"/users/unfollow/{BOB}", token=sign_in(ANN))
        stream.flow(house)
    assert house.sql("SELECT * FROM identity.counted_follows") == []


def test_nobody_follows_themselves_nor_who_is_not_there(users: Api, house: House, sign_in: SignIn) -> None:
    ann = sign_in(ANN)
    assert users.post(f"/users/follow/{ANN}", token=ann).error == (409, "cannot_follow_self")
    assert users.post("/users/follow/999999", token=ann).error == (404, "user_not_found")
    assert users.post(f"/users/follow/{2**63}", token=ann).status in {404, 422}
    assert users.delete("/users/unfollow/999999", token=ann).error == (404, "user_not_found")
    assert users.delete(f"/users/unfollow/{ANN}", token=ann).data == {"following": False, "followers_count": 0}
    assert users.post(f"/users/follow/{BOB}").error == (401, "unauthenticated")
    assert users.post("/users/follow/bob", token=ann).error == (404, "not_found")
    for status in ("inactive", "banned", "pending_deletion", "deleted"):
        house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, BOB))
        assert users.post(f"/users/follow/{BOB}", token=ann).error == (404, "user_not_found")
    assert edges() == set()


def test_a_ban_that_has_ended_hides_nobody(users: Api, house: House, sign_in: SignIn) -> None:
    house.sql("UPDATE identity.users SET status = 'banned', ban_end_time = now() - interval '1 s' WHERE uid = %s", (BOB,))
    assert users.post(f"/users/follow/{BOB}", token=sign_in(ANN)).status == 200
    assert users.get(f"/users/profile/{BOB}").status == 200


def test_one_can_leave_somebody_who_was_banned(users: Api, house: House, stream: Stream, sign_in: SignIn) -> None:
    ann = sign_in(ANN)
    users.post(f"/users/follow/{BOB}", token=ann)
    house.sql("UPDATE identity.users SET status = 'banned' WHERE uid = %s", (BOB,))
    assert users.delete(f"/users/unfollow/{BOB}", token=ann).data == {"following": False, "followers_count": 0}
    assert users.delete(f"/users/unfollow/{BOB}", token=ann).error == (404, "user_not_found")
    stream.flow(house)
    assert counters(house, BOB) == (0, 0)


def test_an_account_that_goes_leaves_the_graph(users: Api, house: House, stream: Stream, sign_in: SignIn) -> None:
    for follower, followee in ((ANN, BOB), (BOB, ANN), (CEM, ANN), (CEM, BOB)):
        users.post(f"/users/follow/{followee}", token=sign_in(follower))
    assert follows.end_all(ANN) == 3
    stream.flow(house)
    assert edges() == {(CEM, BOB)}
    assert [counters(house, uid) for uid in (ANN, BOB, CEM)] == [(0, 0), (1, 0), (0, 1)]
    assert follows.end_all(ANN) == 0


def test_other_items_of_the_table_and_changes_in_place_are_not_follows(house: House, stream: Stream) -> None:
    put = aws.client("dynamodb").put_item
    for item in (
        {"pk": {"S": "V#1"}, "sk": {"S": "F#1"}},
        {"pk": {"S": f"U#{ANN}"}, "sk": {"S": "V#post#1"}},
        {"pk": {"S": f"U#{ANN}"}, "sk": {"S": f"FT#2026#{BOB}"}},
    ):
        put(TableName="sharestack-test-social", Item=item)
    records = stream.fresh()
    assert len(records) == 3
    touched = {**records[1], "eventName": "MODIFY"}
    touched["dynamodb"] = {**touched["dynamodb"], "Keys": {"pk": {"S": f"U#{ANN}"}, "sk": {"S": f"F#{BOB}"}}}
    with house.acting("identity"):
        assert hear([*records, touched]) == []
    assert house.sql("SELECT * FROM identity.counted_follows") == []
    assert house.sql("SELECT * FROM platform.processed_events") == []


def test_a_record_that_cannot_be_read_is_reported_and_ends_the_batch(
    users: Api, house: House, stream: Stream, sign_in: SignIn
) -> None:
    ann = sign_in(ANN)
    users.post(f"/users/follow/{BOB}", token=ann)
    users.post(f"/users/follow/{CEM}", token=ann)
    first, place, second, other = stream.fresh()
    broken: dict[str, Any] = {**second, "dynamodb": {**second["dynamodb"], "NewImage": {"pk": {"S": "U#x"}}}}
    with house.acting("identity"):
        assert hear([first, place, broken, other]) == [broken["dynamodb"]["SequenceNumber"]]
    assert (counters(house, BOB), counters(house, CEM)) == ((1, 0), (0, 0))
    with house.acting("identity"):
        assert hear([second, other]) == []
    assert counters(house, CEM) == (1, 0)
