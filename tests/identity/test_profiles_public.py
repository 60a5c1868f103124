"""Profiles as others see them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.identity import http
from functions.identity.store import follows
from shared import clock
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.conftest import counted

ANN, BOB, CEM = 100_001, 100_002, 100_003
BRIEF = {"user_id": ANN, "username": "ann", "display_name": "Ann", "avatar_url": None}
OF_HERS = {
    "bio": "历史", "location": "杭州", "is_creator": True, "identity_verified": True, "followers_count": 5,
    "following_count": 7, "contents_count": 3, "likes_count": 11, "pins": [],
}  # fmt: skip


@pytest.fixture
def users(api: Callable[..., Api], house: House) -> Api:
    """The routes, Ann with all she has, and two others."""
    for uid, name in ((ANN, "ann"), (BOB, "bob"), (CEM, "cem")):
        make_user(house.sql, uid, name)
    house.sql(
        """
        UPDATE identity.user_profiles SET is_creator = true, identity_status = 'approved', followers_count = 5,
            following_count = 7, contents_count = 3 WHERE uid = %s
        """,
        (ANN,),
    )
    house.sql("UPDATE identity.authors SET description = '历史', location = '杭州', likes_count = 11 WHERE username = 'ann'")
    return api(http.handler, "identity")


def visible_to(house: House, visibility: str) -> None:
    house.sql(
        "UPDATE identity.user_profiles SET privacy = jsonb_build_object('profile_visibility', %s::text) WHERE uid = %s",
        (visibility, ANN),
    )


def test_anyone_sees_a_public_profile_and_nothing_private(users: Api) -> None:
    shown = users.get(f"/users/profile/{ANN}").data
    assert shown.pop("created_at")
    assert shown == BRIEF | OF_HERS | {"viewer": None}


def test_who_is_signed_in_also_sees_who_follows_whom(users: Api, sign_in: SignIn) -> None:
    follows.begin(ANN, BOB, clock.now())
    follows.begin(CEM, ANN, clock.now())

    def viewer(uid: int) -> tuple[bool, bool]:
        state = users.get(f"/users/profile/{ANN}", token=sign_in(uid)).data["viewer"]
        return state["is_following"], state["is_followed_by"]

    assert (viewer(BOB), viewer(CEM), viewer(ANN)) == ((False, True), (True, False), (False, False))
    follows.begin(BOB, ANN, clock.now())
    assert viewer(BOB) == (True, True)


def test_a_private_profile_is_seen_by_its_owner_only(users: Api, house: House, sign_in: SignIn) -> None:
    follows.begin(BOB, ANN, clock.now())
    visible_to(house, "private")
    assert users.get(f"/users/profile/{ANN}").error == (403, "profile_private")
    assert users.get(f"/users/profile/{ANN}", token=sign_in(BOB)).error == (403, "profile_private")
    assert users.get(f"/users/profile/{ANN}", token=sign_in(ANN)).data["bio"] == "历史"


def test_a_profile_for_followers_shows_others_the_brief(users: Api, house: House, sign_in: SignIn) -> None:
    visible_to(house, "followers")
    nothing = dict.fromkeys([*OF_HERS, "created_at"])
    assert users.get(f"/users/profile/{ANN}").data == BRIEF | nothing | {"viewer": None}
    state = {"is_following": False, "is_followed_by": False}
    assert users.get(f"/users/profile/{ANN}", token=sign_in(BOB)).data == BRIEF | nothing | {"viewer": state}
    follows.begin(BOB, ANN, clock.now())
    assert users.get(f"/users/profile/{ANN}", token=sign_in(BOB)).data["bio"] == "历史"
    assert users.get(f"/users/profile/{ANN}", token=sign_in(ANN)).data["bio"] == "历史"


@pytest.mark.parametrize("status", ["deleted", "inactive", "pending_deletion", "banned"])
def test_who_is_gone_is_not_found(users: Api, house: House, sign_in: SignIn, status: str) -> None:
    house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, ANN))
    for token in (None, sign_in(BOB)):
        assert users.get(f"/users/profile/{ANN}", token=token).error == (404, "user_not_found")


def test_who_never_was_is_not_found(users: Api) -> None:
    for uid in (0, 1, 2**63 - 1):
        assert users.get(f"/users/profile/{uid}").error == (404, "user_not_found")
    assert users.get(f"/users/profile/{2**63}").status in {404, 422}
    assert users.get("/users/profile/ann").error == (404, "not_found")


def test_a_ban_hides_as_long_as_it_lasts(users: Api, house: House) -> None:
    house.sql(
        "UPDATE identity.users SET status = 'banned', ban_end_time = %s WHERE uid = %s",
        (clock.now() + timedelta(hours=1), ANN),
    )
    assert users.get(f"/users/profile/{ANN}").error == (404, "user_not_found")
    with clock.frozen(clock.now() + timedelta(hours=2)):
        assert users.get(f"/users/profile/{ANN}").status == 200


def test_a_profile_takes_one_statement_for_anyone(users: Api, house: House, sign_in: SignIn) -> None:
    tokens: list[Any] = [None, sign_in(BOB), sign_in(ANN)]
    for token in tokens:
        with counted(house) as statements:
            assert users.get(f"/users/profile/{ANN}", token=token).status == 200
        assert statements == [1]
