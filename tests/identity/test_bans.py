"""A ban holds at login, at refresh and on every request, and can be asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity.service import sessions
from shared import caller, clock
from tests.fixtures.api import Api
from tests.fixtures.postgres import House

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
PATH = "/auth/ban-status"
NONE = {"account_banned": False, "device_banned": False, "ban_reason": None, "ban_end_time": None, "notify_message": None}


def ban(house: House, uid: int, until: datetime | None = None) -> None:
    house.sql(
        "UPDATE identity.users SET status = 'banned', ban_reason = 'spam', ban_end_time = %s WHERE uid = %s", (until, uid)
    )
    sessions.ban(uid, until)


def test_nobody_in_particular_is_not_banned(api_of_self: Api) -> None:
    assert api_of_self.get(PATH).data == NONE
    assert api_of_self.get(PATH, query={"device_id": "phone-1"}).data == NONE
    assert api_of_self.get(PATH, query={"device_id": "x" * 129}).error == (422, "validation_error")


@pytest.mark.parametrize("token", ["x.y.z", "", "Bearer"])
def test_a_token_that_is_none_is_as_good_as_none(api_of_self: Api, token: str) -> None:
    assert api_of_self.get(PATH, token=token).data == NONE


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Your account is banned until 2027-01-02 08:00 Beijing time. Reason: spam"),
        ("zh-CN", "您的账号已被封禁，至北京时间 2027-01-02 08:00。原因：spam"),
    ],
)
def test_a_banned_user_still_learns_why_and_until_when(
    api_of_self: Api, register: Register, house: House, language: str, message: str
) -> None:
    with clock.frozen(NOW):
        pair = register()
        ban(house, pair["user"]["user_id"], NOW + timedelta(days=1))
        assert api_of_self.get("/users/profile", token=pair["access_token"]).error == (403, "account_banned")
        told = api_of_self.get(PATH, token=pair["access_token"], headers={"accept-language": language}).data
    assert told == {
        "account_banned": True,
        "device_banned": False,
        "ban_reason": "spam",
        "ban_end_time": "2027-01-02T00:00:00Z",
        "notify_message": message,
    }


def test_one_whose_sessions_the_ban_has_ended_still_learns_it(api_of_self: Api, register: Register, house: House) -> None:
    pair = register()
    ban(house, pair["user"]["user_id"])
    sessions.revoke_all(pair["user"]["user_id"])
    assert api_of_self.get(PATH, token=pair["access_token"]).data["account_banned"] is True


def test_a_device_is_told_of_its_ban_and_of_nobody_elses(api_of_self: Api, register: Register, house: House) -> None:
    house.sql("INSERT INTO identity.device_bans (device_id) VALUES ('stolen')")
    ban(house, register(email="bob@example.com")["user"]["user_id"])
    told = api_of_self.get(PATH, token=register()["access_token"], query={"device_id": "stolen"}).data
    assert told == NONE | {"device_banned": True, "notify_message": "This device is banned"}


def test_an_expired_token_says_nothing(api_of_self: Api, register: Register, house: House) -> None:
    with clock.frozen(NOW):
        pair = register()
    ban(house, pair["user"]["user_id"])
    with clock.frozen(NOW + timedelta(minutes=15)):
        assert api_of_self.get(PATH, token=pair["access_token"]).data == NONE


def test_a_ban_holds_on_every_request_and_at_refresh_until_it_ends(
    auth_api: Api, api_of_self: Api, register: Register, house: House
) -> None:
    with clock.frozen(NOW):
        pair = register()
        ban(house, pair["user"]["user_id"], NOW + timedelta(minutes=5))
        assert api_of_self.get("/users/profile", token=pair["access_token"]).error == (403, "account_banned")
        assert auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).error == (403, "account_banned")
    with clock.frozen(NOW + timedelta(minutes=5)):
        assert api_of_self.get("/users/profile", token=pair["access_token"]).status == 200
        fresh = auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).data
        caller.forget_sessions()
        assert api_of_self.get("/users/profile", token=fresh["access_token"]).status == 200


def test_a_ban_that_is_lifted_lets_the_sessions_go_on(api_of_self: Api, register: Register, house: House) -> None:
    pair = register()
    uid = pair["user"]["user_id"]
    ban(house, uid)
    assert api_of_self.get("/users/profile", token=pair["access_token"]).error == (403, "account_banned")
    house.sql("UPDATE identity.users SET status = 'active', ban_reason = NULL")
    sessions.lift_ban(uid)
    assert api_of_self.get("/users/profile", token=pair["access_token"]).status == 200


def test_a_ban_that_was_not_stored_after_all_ends_with_the_next_refresh(
    auth_api: Api, api_of_self: Api, register: Register
) -> None:
    pair = register()
    sessions.ban(pair["user"]["user_id"], None)  # and then the transaction was rolled back
    fresh = auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).data
    assert api_of_self.get("/users/profile", token=fresh["access_token"]).status == 200
