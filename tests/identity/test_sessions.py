from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jose import jwt

from functions.identity.service.sessions import GRACE_SECONDS
from functions.identity.store import sessions as store
from shared import caller, clock
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.identity.conftest import counted, log_in

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def refresh(auth_api: Api, token: str) -> Reply:
    return auth_api.post("/auth/refresh", {"refresh_token": token})


def is_alive(api_of_self: Api, token: str) -> bool:
    caller.forget_sessions()  # another environment, or 30 s later
    reply = api_of_self.get("/users/profile", token=token)
    assert reply.status == 200 or reply.error == (401, "token_revoked")
    return reply.status == 200


def test_an_access_token_says_who_and_what_for_and_no_more(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        pair = register()
    claims = jwt.get_unverified_claims(pair["access_token"])
    assert set(claims) == {"iss", "sub", "sid", "roles", "typ", "perms_v", "iat", "exp", "jti"}
    assert (claims["iss"], claims["typ"], claims["roles"]) == ("http://house.test/api/v1", "user", ["user"])
    assert (claims["sub"], claims["sid"]) == (str(pair["user"]["user_id"]), pair["session_id"])
    assert (claims["iat"], claims["exp"]) == (int(NOW.timestamp()), int(NOW.timestamp()) + 900)


def test_refreshing_gives_a_new_pair_of_the_same_session(auth_api: Api, api_of_self: Api, register: Register) -> None:
    first = register()
    second = refresh(auth_api, first["refresh_token"]).data
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["user"] == first["user"]
    assert is_alive(api_of_self, second["access_token"])
    assert is_alive(api_of_self, first["access_token"])


def test_a_refresh_repeated_within_the_grace_gets_the_same_successor(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        first = register()["refresh_token"]
        second = refresh(auth_api, first).data["refresh_token"]
    with clock.frozen(NOW + timedelta(seconds=GRACE_SECONDS)):
        assert refresh(auth_api, first).data["refresh_token"] == second
        assert refresh(auth_api, second).status == 200


def test_a_refresh_token_used_again_later_ends_the_session(auth_api: Api, api_of_self: Api, register: Register) -> None:
    with clock.frozen(NOW):
        pair = register()
        second = refresh(auth_api, pair["refresh_token"]).data
    with clock.frozen(NOW + timedelta(seconds=GRACE_SECONDS + 1)):
        assert refresh(auth_api, pair["refresh_token"]).error == (401, "refresh_token_reused")
        assert not is_alive(api_of_self, second["access_token"])
        assert refresh(auth_api, second["refresh_token"]).error == (401, "refresh_token_invalid")


def test_a_token_two_generations_old_ends_the_session_even_within_the_grace(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        first = register()["refresh_token"]
        second = refresh(auth_api, first).data["refresh_token"]
        refresh(auth_api, second)
        assert refresh(auth_api, first).error == (401, "refresh_token_reused")


@pytest.mark.parametrize("forge", [
    lambda token: "garbage",
    lambda token: "",
    lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
    lambda token: token.replace(".1.", ".2."),
    lambda token: token + ".x",
    lambda token: token.replace(".1.", ".０."),
    lambda token: "9" * 30 + token[token.index("."):],
])  # fmt: skip
def test_a_forged_refresh_token_is_refused_and_harms_nobody(
    auth_api: Api, register: Register, forge: Callable[[str], str]
) -> None:
    token = register()["refresh_token"]
    assert refresh(auth_api, forge(token)).error == (401, "refresh_token_invalid")
    assert refresh(auth_api, token).status == 200


def test_a_session_ends_when_it_was_not_refreshed_for_thirty_days(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        token = register()["refresh_token"]
    with clock.frozen(NOW + timedelta(days=29)):
        pair = refresh(auth_api, token).data
        assert pair["refresh_expires_in"] == 30 * 86_400
    with clock.frozen(NOW + timedelta(days=58)):
        token = refresh(auth_api, pair["refresh_token"]).data["refresh_token"]
    with clock.frozen(NOW + timedelta(days=88)):
        assert refresh(auth_api, token).error == (401, "refresh_token_invalid")


def test_a_banned_account_is_not_refreshed(auth_api: Api, register: Register, house: House) -> None:
    token = register()["refresh_token"]
    house.sql("UPDATE identity.users SET status = 'banned', ban_reason = 'spam'")
    banned = refresh(auth_api, token)
    assert banned.error == (403, "account_banned")
    assert banned.json["details"] == {"ban_reason": "spam", "ban_end_time": None}


def test_a_deleted_account_is_not_refreshed(auth_api: Api, register: Register, house: House) -> None:
    token = register()["refresh_token"]
    house.sql("UPDATE identity.users SET status = 'deleted'")
    assert refresh(auth_api, token).error == (401, "refresh_token_invalid")


def test_refreshing_brings_the_roles_of_now(auth_api: Api, register: Register, house: House) -> None:
    pair = register()
    house.sql("INSERT INTO identity.user_roles VALUES (%s, 'creator', NULL, now())", (pair["user"]["user_id"],))
    refreshed = refresh(auth_api, pair["refresh_token"]).data
    assert refreshed["user"]["roles"] == ["creator", "user"]
    assert jwt.get_unverified_claims(refreshed["access_token"])["roles"] == ["creator", "user"]
    item = store.find(pair["user"]["user_id"], pair["session_id"])
    assert item is not None
    assert list(item.roles) == ["creator", "user"]


def test_refreshing_takes_one_statement(auth_api: Api, register: Register, house: House) -> None:
    token = register()["refresh_token"]
    with counted(house) as statements:
        assert refresh(auth_api, token).status == 200
    assert statements == [1]


def test_logging_out_ends_this_session_at_once_and_no_other(auth_api: Api, api_of_self: Api, register: Register) -> None:
    here, there = register(), log_in(auth_api).data
    assert api_of_self.get("/users/profile", token=here["access_token"]).status == 200
    assert auth_api.post("/auth/logout", token=here["access_token"]).data == {"revoked": 1}
    assert api_of_self.get("/users/profile", token=here["access_token"]).error == (401, "token_revoked")
    assert refresh(auth_api, here["refresh_token"]).error == (401, "refresh_token_invalid")
    assert is_alive(api_of_self, there["access_token"])


def test_logging_out_everywhere_ends_all_of_ones_own_sessions(auth_api: Api, api_of_self: Api, register: Register) -> None:
    here, there, others = register(), log_in(auth_api).data, register(email="bob@example.com")
    assert auth_api.post("/auth/logout", {"all": True}, token=here["access_token"]).data == {"revoked": 2}
    assert not is_alive(api_of_self, here["access_token"])
    assert not is_alive(api_of_self, there["access_token"])
    assert is_alive(api_of_self, others["access_token"])


def test_logging_out_needs_no_body_but_a_session(auth_api: Api, register: Register) -> None:
    assert auth_api.call("POST", "/auth/logout").error == (401, "unauthenticated")
    assert auth_api.call("POST", "/auth/logout", token=register()["access_token"]).data == {"revoked": 1}


def test_a_session_that_ended_while_it_was_refreshed_stays_ended(register: Register) -> None:
    pair = register()
    item = store.find(pair["user"]["user_id"], pair["session_id"])
    assert item is not None
    store.end(pair["user"]["user_id"], pair["session_id"])
    rotated = store.rotate(item, old_hash=str(item.refresh_hash), new_hash="x", roles=[], permissions=[], now=1, expires=2)
    assert not rotated
    store.follow_account(item, ["creator"], "en")
    assert store.find(pair["user"]["user_id"], pair["session_id"]) is None


def test_a_session_that_a_revocation_missed_is_not_refreshed(
    auth_api: Api, api_of_self: Api, register: Register, house: House
) -> None:
    pair = register()
    house.sql("UPDATE identity.user_auth SET token_epoch = token_epoch + 1")
    assert refresh(auth_api, pair["refresh_token"]).error == (401, "refresh_token_invalid")
    assert not is_alive(api_of_self, pair["access_token"])
    assert refresh(auth_api, log_in(auth_api).data["refresh_token"]).status == 200
