import json
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege

from functions.identity.service import codes
from functions.identity.store.logins import LoginItem
from shared.dynamo.sessions import SessionItem, session_key, user_key
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, Post, counted, log_in, queued, registration

ROWS = """
    SELECT (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.authors),
           (SELECT count(*) FROM identity.user_profiles), (SELECT count(*) FROM identity.user_auth),
           (SELECT count(*) FROM identity.user_roles), (SELECT count(*) FROM identity.user_consents)
"""


def test_registering_by_address_opens_an_account_and_a_session(auth_api: Api, api_of_self: Api, house: House) -> None:
    reply = auth_api.post("/auth/register", registration(email="Ann@Example.com", username="ann", display_name="安"))
    assert reply.status == 201
    pair = reply.data
    assert (pair["token_type"], pair["expires_in"], pair["refresh_expires_in"]) == ("Bearer", 900, 30 * 86_400)
    user = pair["user"]
    assert user["user_id"] >= 100_000
    assert (user["email"], user["username"], user["display_name"]) == ("ann@example.com", "ann", "安")
    assert (user["roles"], user["permissions"], user["status"]) == (["user"], [], "active")
    assert (user["email_verified"], user["identity_status"], user["creator_status"]) == (False, "none", "none")
    assert user["created_at"].endswith("Z")
    assert house.sql(ROWS) == [(1, 1, 1, 1, 1, 1)]
    assert api_of_self.get("/users/profile", token=pair["access_token"]).data == user
    assert house.facts("identity.user_registered.v1")[0]["uid"] == user["user_id"]
    session = SessionItem.get(user_key(user["user_id"]), session_key(pair["session_id"]))
    assert (session.kind, session.ip, session.user_agent) == ("user", "203.0.113.7", "")
    assert pair["refresh_token"] not in str(session.to_simple_dict())


def test_registering_stores_no_password_and_logs_the_sign_in(register: Callable[..., dict[str, Any]], house: House) -> None:
    uid = register()["user"]["user_id"]
    ((stored,),) = house.sql("SELECT password_hash FROM identity.user_auth")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
    (entry,) = LoginItem.query(user_key(uid))
    assert (entry.method, entry.ok, entry.ip) == ("register", True, "203.0.113.7")


def test_registering_takes_three_statements_and_marks_its_fact_sent(
    auth_api: Api, register: Callable[..., dict[str, Any]], house: House
) -> None:
    register()  # reads the settings, once a minute
    with counted(house) as statements:
        assert auth_api.post("/auth/register", registration(email="bob@example.com")).status == 201
    assert statements == [4]  # the account, the account as its owner sees it, the outbox, the outbox marked sent


def test_a_username_is_made_up_when_none_is_wanted(register: Callable[..., dict[str, Any]]) -> None:
    first, second = register(), register(email="bob@example.com")
    assert first["user"]["username"] != second["user"]["username"]
    assert first["user"]["display_name"] == first["user"]["username"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"password": "short1"}, (422, "weak_password")),
        ({"password": "onlyletters"}, (422, "weak_password")),
        ({"password": "1234567890"}, (422, "weak_password")),
        ({"password": "x1" * 65}, (422, "validation_error")),
        ({"agree_terms": False}, (422, "consent_required")),
        ({"email": "nobody"}, (422, "validation_error")),
        ({"email": None}, (422, "validation_error")),
        ({"email": None, "phone": "+8613800138000"}, (422, "validation_error")),
        ({"phone": "+8613800138000"}, (422, "validation_error")),
        ({"username": "No Spaces"}, (422, "validation_error")),
        ({"username": "ab"}, (422, "validation_error")),
        ({"locale": "fr"}, (422, "validation_error")),
        ({"role": "creator"}, (422, "validation_error")),
        ({"code": "000000"}, (400, "code_invalid")),
        ({"invitation_code": "NOBODYS"}, (404, "invitation_not_found")),
    ],
)
def test_a_registration_that_is_refused_stores_nothing(
    auth_api: Api, house: House, fields: dict[str, Any], error: tuple[int, str]
) -> None:
    assert auth_api.post("/auth/register", registration(**fields)).error == error
    assert house.sql(ROWS) == [(0, 0, 0, 0, 0, 0)]
    assert house.facts() == []


def test_consent_must_be_said(auth_api: Api) -> None:
    body = registration()
    del body["agree_terms"]
    reply = auth_api.post("/auth/register", body)
    assert reply.error == (422, "validation_error")
    assert reply.json["details"] == [{"field": "body.agree_terms", "message": "this field is required"}]


def test_a_missing_name_is_said_in_the_readers_language(auth_api: Api) -> None:
    reply = auth_api.post("/auth/register", registration(email=None), headers={"accept-language": "zh-CN"})
    assert reply.json["details"] == [{"field": "body", "message": "请填写邮箱或手机号之一"}]


def test_an_address_or_username_in_any_case_is_taken_once(
    auth_api: Api, register: Callable[..., dict[str, Any]], house: House
) -> None:
    register(username="ann")
    assert auth_api.post("/auth/register", registration(email="ANN@example.com")).error == (409, "email_taken")
    assert auth_api.post("/auth/register", registration(email="bob@example.com", username="ann")).error == (
        409,
        "username_taken",
    )
    assert house.sql(ROWS) == [(1, 1, 1, 1, 1, 1)]


def test_a_code_proves_the_address_once(
    auth_api: Api, register: Callable[..., dict[str, Any]], code_for: Callable[..., str]
) -> None:
    code = code_for("ann@example.com", "register")
    assert register(code=code)["user"]["email_verified"] is True
    assert auth_api.post("/auth/register", registration(email="ann@example.com", code=code)).error == (400, "code_invalid")


def test_a_code_outlives_a_conflict_over_another_name(
    auth_api: Api, register: Callable[..., dict[str, Any]], code_for: Callable[..., str]
) -> None:
    register(email="bob@example.com", username="bob")
    code = code_for("ann@example.com", "register")
    assert auth_api.post("/auth/register", registration(code=code, username="bob")).error == (409, "username_taken")
    assert register(code=code, username="ann")["user"]["email_verified"] is True


def test_registering_by_phone_needs_the_code_sent_to_it(auth_api: Api, post: Post) -> None:
    phone = "+8613800138000"
    auth_api.post("/auth/verification-codes", {"channel": "sms", "target": phone, "purpose": "register"})
    sent: list[str] = []
    (record,) = queued("sms")
    codes.send(json.loads(record["body"]), lambda _phone, letter: sent.append(letter.code))
    body = registration(phone=phone, code=sent[0])
    del body["email"]
    user = auth_api.post("/auth/register", body).data["user"]
    assert (user["phone"], user["phone_verified"], user["email"]) == ("+86138****8000", True, None)
    assert auth_api.post("/auth/login", {"account": phone, "password": PASSWORD}).status == 200


def test_a_banned_device_neither_registers_nor_signs_in(
    auth_api: Api, register: Callable[..., dict[str, Any]], house: House
) -> None:
    register()
    house.sql("INSERT INTO identity.device_bans (device_id) VALUES ('stolen')")
    wanted = registration(email="bob@example.com", device_id="stolen")
    assert auth_api.post("/auth/register", wanted).error == (403, "device_banned")
    assert log_in(auth_api, device_id="stolen").error == (403, "device_banned")
    assert log_in(auth_api, device_id="mine").status == 200


def test_an_invitation_is_credited_to_the_inviter_and_everyone_above(
    register: Callable[..., dict[str, Any]], house: House
) -> None:
    top = register(email="a@example.com")["user"]
    middle = register(email="b@example.com", invitation_code=top["invitation_code"])["user"]
    register(email="c@example.com", invitation_code=middle["invitation_code"])
    rows = house.sql(
        """
        SELECT direct_invited_count, group_size FROM identity.authors a JOIN identity.users u ON u.id = a.user_id
        ORDER BY u.uid
        """
    )
    assert rows == [(1, 2), (1, 1), (0, 0)]


def test_other_domains_see_profiles_and_nothing_beneath(register: Callable[..., dict[str, Any]], house: House) -> None:
    uid = register(username="ann", display_name="Ann")["user"]["user_id"]
    for domain in ("content", "media", "subscriptions", "payments", "finance"):
        with house.acting(domain) as db:
            assert db.execute("SELECT * FROM identity.pub_profiles").fetchall() == [
                (uid, "ann", "Ann", None, False, False, "active")
            ]
    with house.acting("finance") as db:
        assert db.execute("SELECT * FROM identity.pub_payout_identity").fetchall() == [(uid, False, None)]
        with pytest.raises(InsufficientPrivilege), db.transaction():
            db.execute("SELECT * FROM identity.user_verifications")
    with house.acting("content") as db, pytest.raises(InsufficientPrivilege), db.transaction():
        db.execute("SELECT * FROM identity.pub_payout_identity")
