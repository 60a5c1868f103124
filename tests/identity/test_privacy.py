"""Privacy settings and the log of consents."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import http
from shared import clock
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House

ANN = 100_001
DEFAULTS = {
    "profile_visibility": "public", "show_followers": True, "show_following": True, "show_favorites": True,
    "allow_messages_from": "everyone", "searchable": True, "show_online_status": True,
    "personalized_recommendations": True, "marketing_consent": False,
}  # fmt: skip


@pytest.fixture
def users(api: Callable[..., Api], house: House) -> Api:
    make_user(house.sql, ANN, "ann")
    return api(http.handler, "identity")


@pytest.fixture
def change(users: Api, sign_in: SignIn) -> Callable[..., Any]:
    token = sign_in(ANN)
    return lambda **settings: users.put("/users/privacy", settings, token=token)


def consents(house: House) -> list[tuple[Any, ...]]:
    return house.sql("SELECT uid, kind, granted, version, ip FROM identity.user_consents ORDER BY id")


def test_who_never_chose_has_the_defaults(users: Api, sign_in: SignIn) -> None:
    assert users.get("/users/privacy", token=sign_in(ANN)).data == DEFAULTS
    assert users.get("/users/privacy").error == (401, "unauthenticated")


def test_any_of_them_changes_alone_and_is_read_at_once(users: Api, change: Callable[..., Any], sign_in: SignIn) -> None:
    chosen = DEFAULTS | {"profile_visibility": "followers", "searchable": False}
    assert change(profile_visibility="followers", searchable=False).data == chosen
    chosen |= {"allow_messages_from": "none"}
    assert change(allow_messages_from="none").data == chosen
    assert change().data == users.get("/users/privacy", token=sign_in(ANN)).data == chosen


@pytest.mark.parametrize(
    "settings",
    [
        {"profile_visibility": "friends"},
        {"show_followers": None},
        {"show_followers": "true"},
        {"show_followers": 1},
        {"allow_messages_from": True},
        {"unknown": True},
    ],
)
def test_a_setting_that_is_none_is_refused(change: Callable[..., Any], house: House, settings: dict[str, Any]) -> None:
    assert change(searchable=False, **settings).error == (422, "validation_error")
    assert house.sql("SELECT privacy FROM identity.user_profiles") == [({},)]


def test_every_change_of_a_consent_is_logged_with_time_and_address_and_only_changes_are(
    change: Callable[..., Any], house: House
) -> None:
    assert change(marketing_consent=False, personalized_recommendations=True, searchable=True).status == 200
    assert consents(house) == []
    moment = clock.now()
    with clock.frozen(moment):
        change(marketing_consent=True)
    change(marketing_consent=True)
    change(marketing_consent=False, personalized_recommendations=False, show_followers=False)
    assert consents(house) == [
        (ANN, "marketing_consent", True, "1", "203.0.113.7"),
        (ANN, "personalized_recommendations", False, "1", "203.0.113.7"),
        (ANN, "marketing_consent", False, "1", "203.0.113.7"),
    ]
    assert house.sql("SELECT at FROM identity.user_consents ORDER BY id LIMIT 1") == [(moment,)]
