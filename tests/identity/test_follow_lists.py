"""Lists of followers and followees: order, paging, who is shown how much, and how few reads it takes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.identity import http
from functions.identity.store import follows as store
from shared import aws, clock
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.conftest import counted

ANN, BOB = 100_001, 100_002
CROWD = range(100_010, 100_035)
BRIEF = {"user_id", "username", "display_name", "avatar_url"}


@pytest.fixture
def users(api: Callable[..., Api], house: House) -> Api:
    """The routes, and the people."""
    for uid, name in ((ANN, "ann"), (BOB, "bob"), *((uid, f"u{uid}") for uid in CROWD)):
        make_user(house.sql, uid, name)
    return api(http.handler, "identity")


@pytest.fixture
def crowd(users: Api, house: House) -> list[int]:
    """Who follows Ann, and whom Ann follows: the same people, the newest first."""
    start = clock.now() - timedelta(hours=1)
    for position, uid in enumerate(CROWD):
        store.begin(uid, ANN, start + timedelta(seconds=position))
        store.begin(ANN, uid, start + timedelta(seconds=position))
    house.sql(
        "UPDATE identity.user_profiles SET followers_count = %s, following_count = %s WHERE uid = %s",
        (len(CROWD), len(CROWD), ANN),
    )
    return list(CROWD)[::-1]


def ids(page: dict[str, Any]) -> list[int]:
    return [item["user_id"] for item in page["items"]]


@pytest.mark.parametrize("side", ["followers", "following"])
def test_a_list_is_walked_by_cursor_newest_first_each_person_once(
    users: Api, crowd: list[int], sign_in: SignIn, side: str
) -> None:
    ann, seen, query = sign_in(ANN), [], {"page_size": 7}
    while True:
        page = users.get(f"/users/{side}", token=ann, query=query).data
        assert (page["total"], page["total_is_capped"]) == (25, False)
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == crowd
    times = [item["followed_at"] for item in users.get(f"/users/{side}", token=ann, query={"page_size": 25}).data["items"]]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 25


@pytest.mark.parametrize("side", ["followers", "following"])
def test_a_list_is_paged_by_number_and_turned_around(users: Api, crowd: list[int], sign_in: SignIn, side: str) -> None:
    ann = sign_in(ANN)
    second = users.get(f"/users/{side}", token=ann, query={"page": 2, "page_size": 10}).data
    assert (ids(second), second["page"]) == (crowd[10:20], 2)
    third = users.get(f"/users/{side}", token=ann, query={"page": 3, "page_size": 10}).data
    assert (ids(third), third["next_cursor"]) == (crowd[20:], None)
    assert ids(users.get(f"/users/{side}", token=ann, query={"page": 4, "page_size": 10}).data) == []
    oldest = users.get(f"/users/{side}", token=ann, query={"sort_order": "asc", "page_size": 5}).data
    assert ids(oldest) == crowd[::-1][:5]
    rest = users.get(
        f"/users/{side}", token=ann, query={"sort_order": "asc", "page_size": 5, "cursor": oldest["next_cursor"]}
    ).data
    assert ids(rest) == crowd[::-1][5:10]


def test_who_is_banned_or_gone_is_left_out_and_the_page_is_still_full(
    users: Api, crowd: list[int], sign_in: SignIn, house: House
) -> None:
    hidden = crowd[1:9]
    for uid, status in zip(hidden, ["banned", "deleted", "inactive", "pending_deletion"] * 2, strict=True):
        house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, uid))
    shown = [uid for uid in crowd if uid not in hidden]
    ann = sign_in(ANN)
    first = users.get("/users/followers", token=ann, query={"page_size": 5}).data
    assert ids(first) == shown[:5]
    second = users.get("/users/followers", token=ann, query={"page_size": 5, "cursor": first["next_cursor"]}).data
    assert (
        ids(second) == ids(users.get("/users/followers", token=ann, query={"page_size": 5, "page": 2}).data) == shown[5:10]
    )


@pytest.mark.parametrize("side", ["followers", "following"])
def test_a_page_takes_two_statements_and_one_read_of_the_graph_whatever_its_size(
    users: Api, crowd: list[int], sign_in: SignIn, house: House, side: str
) -> None:
    ann = sign_in(ANN)
    for size in (1, 25):
        users.get(f"/users/{side}", token=ann, query={"page_size": size})
        with counted(house) as statements, calls() as called:
            assert len(users.get(f"/users/{side}", token=ann, query={"page_size": size}).data["items"]) == size
        assert (statements, called) == ([2], ["Query"])


class calls:  # noqa: N801 - reads as a verb
    """The names of the calls made to the table of follows."""

    def __enter__(self) -> list[str]:
        self._made: list[str] = []
        for item in (store.FollowItem, store.PlaceItem):
            emitter = item._get_connection().connection.client.meta.events
            emitter.register("before-call.dynamodb", self._note)
        return self._made

    def __exit__(self, *_: object) -> None:
        for item in (store.FollowItem, store.PlaceItem):
            item._get_connection().connection.client.meta.events.unregister("before-call.dynamodb", self._note)

    def _note(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        if "social" in str(params["body"]):
            self._made.append(model.name)


def test_what_is_not_ours_to_continue_from_is_refused(users: Api, crowd: list[int], sign_in: SignIn) -> None:
    from shared.paging import encode_cursor

    ann = sign_in(ANN)
    for query in (
        {"sort_by": "username"},
        {"cursor": "x"},
        {"cursor": encode_cursor("followed_at", "asc", ["2026-01-01T00:00:00.000000Z", 1])},
        {"cursor": encode_cursor("followed_at", "desc", ["yesterday", 1])},
        {"cursor": encode_cursor("followed_at", "desc", ["2026-01-01T00:00:00.000000Z", 0])},
        {"cursor": encode_cursor("followed_at", "desc", ["2026-01-01T00:00:00.000000Z", "1"])},
        {"page": 1001, "page_size": 10},
        {"page_size": 101},
        {"user_id": 2**63},
    ):
        assert users.get("/users/followers", token=ann, query=query).error == (422, "validation_error"), query
    assert users.get("/users/followers", token=ann, query={"sort_by": "followed_at", "user_id": ANN}).status == 200


def test_someone_elses_lists_are_shown_as_they_wish(users: Api, crowd: list[int], sign_in: SignIn, house: House) -> None:
    bob = sign_in(BOB)

    def answers() -> list[Any]:
        found = [users.get(f"/users/{side}", token=bob, query={"user_id": ANN}) for side in ("followers", "following")]
        return [reply.status if reply.status == 200 else reply.error for reply in found]

    def choose(**settings: Any) -> None:
        assert users.put("/users/privacy", settings, token=sign_in(ANN)).status == 200

    hidden = (403, "list_hidden")
    assert answers() == [200, 200]
    choose(show_followers=False)
    assert answers() == [hidden, 200]
    choose(show_followers=True, show_following=False)
    assert answers() == [200, hidden]
    choose(show_following=True, profile_visibility="followers")
    assert answers() == [hidden, hidden]
    store.begin(BOB, ANN, clock.now())
    assert answers() == [200, 200]
    choose(profile_visibility="private")
    assert answers() == [hidden, hidden]
    assert len(users.get("/users/followers", token=sign_in(ANN)).data["items"]) == 10
    house.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = %s", (ANN,))
    assert answers() == [(404, "user_not_found")] * 2
    assert users.get("/users/followers", token=bob, query={"user_id": 1}).error == (404, "user_not_found")
    assert users.get("/users/followers").error == (401, "unauthenticated")


def test_people_in_a_list_show_no_more_than_on_their_own_page(
    users: Api, crowd: list[int], sign_in: SignIn, house: House
) -> None:
    newest, second, third = crowd[:3]
    for uid, visibility in ((newest, "private"), (second, "followers"), (third, "followers")):
        house.sql(
            "UPDATE identity.user_profiles SET privacy = jsonb_build_object('profile_visibility', %s::text) WHERE uid = %s",
            (visibility, uid),
        )
    store.begin(BOB, third, clock.now())

    def shown(viewer: int) -> list[set[str]]:
        page = users.get("/users/followers", token=sign_in(viewer), query={"user_id": ANN, "page_size": 4}).data
        return [
            {name for name, value in item.items() if value is not None} & {"bio", "is_creator"} for item in page["items"]
        ]

    assert shown(BOB) == [set(), set(), {"is_creator"}, {"is_creator"}]
    assert shown(newest) == [{"is_creator"}, set(), set(), {"is_creator"}]
    assert shown(ANN) == [set(), {"is_creator"}, {"is_creator"}, {"is_creator"}]


def test_ones_own_click_is_in_ones_own_list_at_once(users: Api, sign_in: SignIn) -> None:
    ann = sign_in(ANN)
    users.post(f"/users/follow/{BOB}", token=ann)
    assert ids(users.get("/users/following", token=ann).data) == [BOB]
    users.delete(f"/users/unfollow/{BOB}", token=ann)
    assert ids(users.get("/users/following", token=ann).data) == []
    assert aws.client("dynamodb").scan(TableName="sharestack-test-social")["Count"] == 0
