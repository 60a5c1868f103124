"""Deactivating: proved by password or code, hidden, signed out, and taken up again by its owner alone."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import life
from functions.identity.http import handler as of_self
from shared.caller import forget_sessions
from tests.fixtures.api import Api, Handler, Reply
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, log_in

Ann = tuple[str, int]


@pytest.fixture
def leaving(api: Callable[[Handler, str], Api], keys: None) -> Api:
    return api(life.handler, "identity")


@pytest.fixture
def ann(register: Callable[..., dict[str, Any]]) -> Ann:
    opened = register()
    return opened["access_token"], opened["user"]["user_id"]


def deactivate(leaving: Api, ann: Ann, **body: Any) -> Reply:
    return leaving.post("/users/deactivate", body, token=ann[0])


def status(house: House, ann: Ann) -> str:
    return str(house.sql("SELECT status FROM identity.users WHERE uid = %s", (ann[1],))[0][0])


def test_a_password_proves_it(leaving: Api, ann: Ann, house: House, auth_api: Api) -> None:
    assert deactivate(leaving, ann, password=PASSWORD, reason="tired").data == {"status": "deactivated"}
    assert status(house, ann) == "inactive"
    assert house.sql("SELECT change, reason FROM identity.account_changes") == [("deactivated", "tired")]
    assert house.sql("SELECT status FROM identity.pub_profiles WHERE uid = %s", (ann[1],)) == [("inactive",)]
    forget_sessions()
    assert leaving.post("/users/export-data", {}, token=ann[0]).error == (401, "token_revoked")


def test_a_code_proves_it(leaving: Api, ann: Ann, house: House, code_for: Callable[..., str]) -> None:
    code = code_for("ann@example.com", "deactivate_account")
    assert deactivate(leaving, ann, code=code).status == 200
    assert status(house, ann) == "inactive"


def test_a_code_for_another_purpose_or_person_does_not(
    leaving: Api, ann: Ann, house: House, code_for: Callable[..., str], register: Callable[..., Any]
) -> None:
    register(email="bob@example.com")
    for target, purpose in (("ann@example.com", "delete_account"), ("bob@example.com", "deactivate_account")):
        assert deactivate(leaving, ann, code=code_for(target, purpose)).error == (400, "code_invalid")
    assert status(house, ann) == "active"


@pytest.mark.parametrize("body", [{}, {"password": PASSWORD, "code": "123456"}, {"password": None}, {"reason": "x"}])
def test_one_proof_is_needed(leaving: Api, ann: Ann, body: dict[str, Any]) -> None:
    assert deactivate(leaving, ann, **body).error == (422, "validation_error")


def test_wrong_passwords_are_counted_as_at_the_login(leaving: Api, ann: Ann, house: House, auth_api: Api) -> None:
    for _ in range(4):
        assert deactivate(leaving, ann, password="wrong horse 1").error == (400, "wrong_password")
    assert log_in(auth_api, password="wrong horse 1").error == (401, "invalid_credentials")
    locked = deactivate(leaving, ann, password=PASSWORD)
    assert locked.error == (423, "account_locked")
    assert int(locked.headers["retry-after"]) > 0
    assert log_in(auth_api).error == (423, "account_locked")
    assert status(house, ann) == "active"


def test_every_session_ends_at_once(leaving: Api, ann: Ann, auth_api: Api) -> None:
    second = log_in(auth_api).data
    deactivate(leaving, ann, password=PASSWORD)
    forget_sessions()
    for token in (ann[0], second["access_token"]):
        assert leaving.post("/users/export-data", {}, token=token).error == (401, "token_revoked")
    assert auth_api.post("/auth/refresh", {"refresh_token": second["refresh_token"]}).error == (401, "refresh_token_invalid")


def test_only_a_login_that_says_so_takes_it_up_again(leaving: Api, ann: Ann, house: House, auth_api: Api) -> None:
    deactivate(leaving, ann, password=PASSWORD)
    assert log_in(auth_api).error == (403, "account_deactivated")
    assert log_in(auth_api, password="wrong horse 1", reactivate=True).error == (401, "invalid_credentials")
    assert status(house, ann) == "inactive"
    assert log_in(auth_api, reactivate=True).data["user"]["status"] == "active"
    assert house.sql("SELECT change FROM identity.account_changes ORDER BY id") == [("deactivated",), ("reactivated",)]
    assert log_in(auth_api, reactivate=True).status == 200
    assert house.sql("SELECT count(*) FROM identity.account_changes") == [(2,)], "an active account is not taken up"


def test_a_ban_is_not_undone_by_coming_back(leaving: Api, ann: Ann, house: House, auth_api: Api) -> None:
    deactivate(leaving, ann, password=PASSWORD)
    house.sql("UPDATE identity.users SET status = 'banned', ban_reason = 'spam' WHERE uid = %s", (ann[1],))
    assert log_in(auth_api, reactivate=True).error == (403, "account_banned")
    assert status(house, ann) == "banned"


def test_who_has_no_password_leaves_by_code(leaving: Api, ann: Ann, house: House, code_for: Callable[..., str]) -> None:
    house.sql("UPDATE identity.user_auth SET password_hash = NULL WHERE uid = %s", (ann[1],))
    for password in ("", PASSWORD):
        assert deactivate(leaving, ann, password=password).error == (400, "wrong_password")
    assert deactivate(leaving, ann, code=code_for("ann@example.com", "deactivate_account")).status == 200


def test_a_deactivated_profile_is_not_there_for_others(leaving: Api, ann: Ann, api: Callable[[Handler, str], Api]) -> None:
    others = api(of_self, "identity")
    assert others.get(f"/users/profile/{ann[1]}").status == 200
    deactivate(leaving, ann, password=PASSWORD)
    assert others.get(f"/users/profile/{ann[1]}").error == (404, "user_not_found")


def test_refusals_speak_the_callers_language(leaving: Api, ann: Ann) -> None:
    reply = leaving.post("/users/deactivate", {"password": "no"}, token=ann[0], headers={"accept-language": "zh-CN"})
    assert reply.json["message"] == "密码错误"
