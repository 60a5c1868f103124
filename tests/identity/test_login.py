import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity.service import codes
from functions.identity.store.logins import LoginItem
from shared import clock
from shared.dynamo.sessions import user_key
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, counted, log_in, queued

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
NOBODY = "nobody@example.com"


@pytest.mark.parametrize("account", ["ann@example.com", "ANN@Example.com", "ann_b", "Ann_B"])
def test_an_account_signs_in_under_each_of_its_names(auth_api: Api, register: Register, account: str) -> None:
    uid = register(username="ann_b")["user"]["user_id"]
    pair = log_in(auth_api, account=account).data
    assert pair["user"]["user_id"] == uid
    assert pair["user"]["last_login_method"] == "password"


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(auth_api: Api, register: Register) -> None:
    register()
    wrong, unknown = log_in(auth_api, password="wrong horse 1"), log_in(auth_api, account=NOBODY)
    assert wrong.error == unknown.error == (401, "invalid_credentials")
    assert {**wrong.json, "request_id": ""} == {**unknown.json, "request_id": ""}


@pytest.mark.parametrize("account", ["ann@example.com", NOBODY])
def test_the_sixth_try_after_five_wrong_passwords_finds_the_account_locked_known_or_not(
    auth_api: Api, register: Register, account: str
) -> None:
    with clock.frozen(NOW):
        register()
        for _ in range(5):
            assert log_in(auth_api, account=account, password="wrong horse 1").error == (401, "invalid_credentials")
        locked = log_in(auth_api, account=account)
        assert locked.error == (423, "account_locked")
        assert locked.headers["retry-after"] == "901"
    with clock.frozen(NOW + timedelta(minutes=14, seconds=59)):
        assert log_in(auth_api, account=account).error == (423, "account_locked")
    with clock.frozen(NOW + timedelta(minutes=15, seconds=1)):
        assert log_in(auth_api, account=account).status == (200 if account != NOBODY else 401)


def test_failures_are_forgotten_by_a_success_and_by_time(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        register()
        for _ in range(4):
            log_in(auth_api, password="wrong horse 1")
        assert log_in(auth_api).status == 200
        for _ in range(4):
            log_in(auth_api, password="wrong horse 1")
    with clock.frozen(NOW + timedelta(minutes=15, seconds=1)):
        log_in(auth_api, password="wrong horse 1")
        assert log_in(auth_api).status == 200


def test_a_ban_is_told_to_who_proves_the_account_and_to_nobody_else(auth_api: Api, register: Register, house: House) -> None:
    register()
    house.sql("UPDATE identity.users SET status = 'banned', ban_reason = 'spam', ban_end_time = %s", (NOW,))
    with clock.frozen(NOW - timedelta(days=1)):
        assert log_in(auth_api, password="wrong horse 1").error == (401, "invalid_credentials")
        banned = log_in(auth_api)
        assert banned.error == (403, "account_banned")
        assert banned.json["details"] == {"ban_reason": "spam", "ban_end_time": "2027-01-01 00:00:00+00:00"}
    with clock.frozen(NOW + timedelta(days=1)):
        assert log_in(auth_api).status == 200


def test_a_deactivated_account_comes_back_when_its_owner_says_so(auth_api: Api, register: Register, house: House) -> None:
    register()
    house.sql("UPDATE identity.users SET status = 'inactive'")
    assert log_in(auth_api).error == (403, "account_deactivated")
    assert log_in(auth_api, reactivate=True).data["user"]["status"] == "active"
    assert log_in(auth_api).status == 200


def test_a_deleted_account_is_unknown(auth_api: Api, register: Register, house: House) -> None:
    register()
    house.sql("UPDATE identity.users SET status = 'deleted'")
    assert log_in(auth_api).error == (401, "invalid_credentials")


def test_a_code_signs_in_once(auth_api: Api, register: Register, code_for: Callable[..., str]) -> None:
    register()
    code = code_for("ann@example.com", "login")
    body = {"account": "Ann@example.com", "code": code}
    assert auth_api.post("/auth/login", body).data["user"]["last_login_method"] == "code"
    assert auth_api.post("/auth/login", body).error == (400, "code_invalid")


def test_a_code_sent_to_the_address_or_the_number_signs_in_under_the_username(
    auth_api: Api, register: Register, code_for: Callable[..., str], house: House
) -> None:
    register(username="ann_b")
    code = code_for("ann@example.com", "login")
    assert auth_api.post("/auth/login", {"account": "nobody_b", "code": code}).error == (400, "code_invalid")
    assert auth_api.post("/auth/login", {"account": "Ann_B", "code": code}).data["user"]["username"] == "ann_b"
    assert auth_api.post("/auth/login", {"account": "ann_b", "code": code}).error == (400, "code_invalid")
    house.sql("UPDATE identity.users SET phone_number = '+8613800138000'")
    auth_api.post("/auth/verification-codes", {"channel": "sms", "target": "+8613800138000", "purpose": "login"})
    sent: list[str] = []
    (record,) = queued("sms")
    codes.send(json.loads(record["body"]), lambda _phone, letter: sent.append(letter.code))
    assert auth_api.post("/auth/login", {"account": "ann_b", "code": sent[0]}).status == 200


def test_a_code_for_an_unknown_address_opens_nothing(auth_api: Api, code_for: Callable[..., str]) -> None:
    code = code_for(NOBODY, "login")
    assert auth_api.post("/auth/login", {"account": NOBODY, "code": code}).error == (401, "invalid_credentials")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"account": "ann"},
        {"password": PASSWORD},
        {"account": "ann", "password": PASSWORD, "code": "123456"},
        {"phone": "1"},
    ],
)
def test_a_sign_in_names_one_account_and_one_proof(auth_api: Api, body: dict[str, Any]) -> None:
    assert auth_api.post("/auth/login", body).error == (422, "validation_error")


def test_every_attempt_is_written_down(auth_api: Api, register: Register) -> None:
    uid = register()["user"]["user_id"]
    log_in(auth_api, password="wrong horse 1", device_id="phone-1")
    log_in(auth_api, device_id="phone-1")
    entries = [(e.method, e.ok, e.reason, e.device_id) for e in LoginItem.query(user_key(uid))]
    assert entries == [
        ("register", True, None, None),
        ("password", False, "invalid_credentials", "phone-1"),
        ("password", True, None, "phone-1"),
    ]


def test_a_device_is_remembered_with_its_last_version(auth_api: Api, register: Register, house: House) -> None:
    register(device_id="phone-1", device_type="iOS", app_version="1.0")
    log_in(auth_api, device_id="phone-1", app_version="1.1")
    assert house.sql("SELECT device_id, device_type, app_version FROM identity.user_devices") == [("phone-1", "iOS", "1.1")]


def test_spaces_are_part_of_a_password(auth_api: Api, register: Register) -> None:
    register(password=" spaced 1 ")
    assert log_in(auth_api, password="spaced 1").error == (401, "invalid_credentials")
    assert log_in(auth_api, password=" spaced 1 ").status == 200


def test_signing_in_takes_three_statements(auth_api: Api, register: Register, house: House) -> None:
    register()
    with counted(house) as statements:
        assert log_in(auth_api).status == 200
    assert statements == [3]  # the account, the success, the account as its owner sees it
