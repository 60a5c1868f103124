from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jose import jwt

from functions.identity.service.second_factor import recovery_hash
from shared import clock, passwords
from shared.addresses import is_allowed
from shared.settings import Settings
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, Operator, Post, log_in

NOW = datetime(2027, 1, 1, tzinfo=UTC)
Appoint = Callable[..., Operator]


def test_an_operator_signs_in_with_password_and_one_time_password(auth_api: Api, operator: Appoint) -> None:
    ops = operator("user_manager", totp=True)
    reply = auth_api.post("/admin/auth/login", ops.body())
    assert set(reply.data) == {"access_token", "refresh_token", "token_type", "expires_in", "admin"}
    admin = reply.data["admin"]
    assert (admin["user_id"], admin["email"], admin["role"], admin["is_active"]) == (
        ops.uid, ops.email, "user_manager", True
    )  # fmt: skip
    assert {"verification:read", "verification:review", "user:ban"} <= set(admin["permissions"])
    assert "finance:approve" not in admin["permissions"]
    claims = jwt.get_unverified_claims(reply.data["access_token"])
    assert (claims["typ"], claims["roles"]) == ("staff", ["user", "user_manager"])


def test_a_one_time_password_counts_once_and_so_do_the_ones_before_it(auth_api: Api, operator: Appoint) -> None:
    with clock.frozen(NOW):
        ops = operator(totp=True)
        used = ops.code
        assert auth_api.post("/admin/auth/login", ops.body()).status == 200
        assert auth_api.post("/admin/auth/login", ops.body()).error == (401, "totp_invalid")
    with clock.frozen(NOW + timedelta(seconds=30)):
        assert auth_api.post("/admin/auth/login", ops.body(totp_code=used)).error == (401, "totp_invalid")
        assert auth_api.post("/admin/auth/login", ops.body()).status == 200


def test_guessing_one_time_passwords_locks_the_account(auth_api: Api, operator: Appoint) -> None:
    ops = operator(totp=True)
    for _ in range(5):
        assert auth_api.post("/admin/auth/login", ops.body(totp_code="000000")).error == (401, "totp_invalid")
    assert auth_api.post("/admin/auth/login", ops.body()).error == (423, "account_locked")


def test_the_one_time_password_is_asked_for_only_after_the_password(auth_api: Api, operator: Appoint) -> None:
    ops = operator(totp=True)
    assert auth_api.post("/admin/auth/login", ops.body(password="wrong horse 1", totp_code=None)).error == (
        401, "invalid_credentials"
    )  # fmt: skip
    assert auth_api.post("/admin/auth/login", ops.body(totp_code=None)).error == (401, "totp_required")


def test_a_recovery_code_stands_in_for_the_one_time_password_once(auth_api: Api, operator: Appoint, house: House) -> None:
    ops = operator(totp=True)
    house.sql(
        "UPDATE identity.user_auth SET recovery_code_hashes = %s WHERE uid = %s",
        ([recovery_hash(ops.uid, "abcd-efgh-1234")], ops.uid),
    )
    assert auth_api.post("/admin/auth/login", ops.body(totp_code="ABCD-efgh-1234")).status == 200
    assert auth_api.post("/admin/auth/login", ops.body(totp_code="abcd-efgh-1234")).error == (401, "totp_invalid")


def test_production_lets_no_operator_in_without_a_second_factor(
    auth_api: Api, operator: Appoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = operator(totp=False)
    assert auth_api.post("/admin/auth/login", ops.body()).status == 200
    monkeypatch.setenv("STAGE", "prod")
    Settings.forget()
    assert auth_api.post("/admin/auth/login", ops.body()).error == (401, "totp_required")


def test_the_setting_decides_about_the_second_factor_everywhere(auth_api: Api, operator: Appoint, house: House) -> None:
    house.sql("INSERT INTO admin.system_settings VALUES ('auth.staff_totp_required', 'true', NULL, now())")
    assert auth_api.post("/admin/auth/login", operator(totp=False).body()).error == (401, "totp_required")


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_an_unknown_operator_and_a_wrong_password_get_the_same_answer(
    auth_api: Api, register: Callable[..., dict[str, Any]], email: str
) -> None:
    register()
    body = {"email": email, "password": "wrong horse 1"}
    assert auth_api.post("/admin/auth/login", body).error == (401, "invalid_credentials")


def test_who_is_no_operator_learns_it_only_with_the_right_password(
    auth_api: Api, register: Callable[..., dict[str, Any]]
) -> None:
    register()
    assert auth_api.post("/admin/auth/login", {"email": "ann@example.com", "password": PASSWORD}).error == (
        403, "not_staff"
    )  # fmt: skip


def test_a_dismissed_or_banned_operator_stays_outside(auth_api: Api, operator: Appoint, house: House) -> None:
    ops = operator()
    house.sql("UPDATE identity.users SET status = 'banned'")
    assert auth_api.post("/admin/auth/login", ops.body()).error == (403, "account_banned")
    house.sql("UPDATE admin.admins SET is_active = false")
    assert auth_api.post("/admin/auth/login", ops.body()).error == (403, "not_staff")


def test_an_address_outside_the_allow_list_stays_outside(auth_api: Api, operator: Appoint, house: House) -> None:
    house.sql("INSERT INTO admin.system_settings VALUES ('security.ip_allowlist', '[\"198.51.100.0/24\"]', NULL, now())")
    ops = operator()
    assert auth_api.post("/admin/auth/login", ops.body()).error == (403, "ip_not_allowed")


@pytest.mark.parametrize(
    ("networks", "allowed"),
    [
        ([], True),
        (["203.0.113.0/24"], True),
        (["203.0.113.7"], True),
        (["203.0.113.7/8"], True),
        (["::/0"], False),
        (["x"], False),
    ],
)
def test_the_allow_list_takes_addresses_and_networks(networks: list[str], *, allowed: bool) -> None:
    assert is_allowed("203.0.113.7", networks) is allowed
    assert is_allowed("not an address", networks) is (not networks)


def test_an_operator_asks_what_they_may(auth_api: Api, operator: Appoint, house: House) -> None:
    ops = operator("support")
    token = auth_api.post("/admin/auth/login", ops.body()).data["access_token"]
    path = "/admin/auth/permissions"
    assert auth_api.get(path).error == (401, "unauthenticated")
    assert auth_api.get(path, token=log_in(auth_api, account=ops.email).data["access_token"]).error == (
        403, "permission_denied"
    )  # fmt: skip
    mine = auth_api.get(path, token=token).data
    assert (mine["role"], mine["allowed"]) == ("support", None)
    assert "support:write" in mine["permissions"]
    for point, allowed in (("support:read", True), ("finance:approve", False)):
        assert auth_api.get(path, token=token, query={"check": point}).data["allowed"] is allowed
    house.sql("UPDATE admin.admins SET permissions = '[\"finance:*\"]'")
    assert auth_api.get(path, token=token, query={"check": "finance:approve"}).data["allowed"] is True
    house.sql("UPDATE admin.admins SET is_active = false")
    assert auth_api.get(path, token=token).error == (403, "permission_denied")


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("super_admin", ("admin:write", "backup:restore", "anything:else"), ()),
        ("admin", ("user:ban", "finance:write"), ("admin:write", "role:write", "finance:approve", "wallet:manage")),
        ("finance_manager", ("finance:approve", "payment:config", "wallet:manage"), ("user:ban", "admin:read")),
        ("observer", ("finance:read", "user:read"), ("finance:write", "user:ban", "analytics:export")),
        ("content_manager", ("content:moderate", "plugin:review"), ("verification:review",)),
    ],
)
def test_each_role_may_what_the_rules_say(
    auth_api: Api, operator: Appoint, role: str, may: tuple[str, ...], may_not: tuple[str, ...]
) -> None:
    token = auth_api.post("/admin/auth/login", operator(role).body()).data["access_token"]
    for point in (*may, *may_not):
        allowed = auth_api.get("/admin/auth/permissions", token=token, query={"check": point}).data["allowed"]
        assert allowed is (point in may), point


def test_a_staff_session_is_also_its_users_and_a_users_never_staff(
    auth_api: Api, api_of_self: Api, operator: Appoint
) -> None:
    ops = operator()
    staff = auth_api.post("/admin/auth/login", ops.body()).data["access_token"]
    user = log_in(auth_api, account=ops.email).data
    assert "verification:read" in api_of_self.get("/users/profile", token=staff).data["permissions"]
    assert (user["user"]["permissions"], user["user"]["roles"]) == ([], ["user", "user_manager"])
    assert api_of_self.get("/admin/verifications", token=staff).status == 200
    assert api_of_self.get("/admin/verifications", token=user["access_token"]).error == (403, "permission_denied")


def test_a_staff_session_is_refreshed_with_the_permissions_of_now_for_eight_hours(
    auth_api: Api, api_of_self: Api, operator: Appoint, house: House
) -> None:
    with clock.frozen(NOW):
        ops = operator("support")
        token = auth_api.post("/admin/auth/login", ops.body()).data["refresh_token"]
    house.sql("UPDATE admin.admins SET role = 'user_manager'")
    with clock.frozen(NOW + timedelta(hours=7)):
        pair = auth_api.post("/auth/refresh", {"refresh_token": token}).data
        assert pair["refresh_expires_in"] == 3600
        assert "verification:read" in pair["user"]["permissions"]
        assert api_of_self.get("/admin/verifications", token=pair["access_token"]).status == 200
    with clock.frozen(NOW + timedelta(hours=8)):
        assert auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).error == (
            401, "refresh_token_invalid"
        )  # fmt: skip


def test_a_dismissed_operators_session_is_not_refreshed(auth_api: Api, operator: Appoint, house: House) -> None:
    token = auth_api.post("/admin/auth/login", operator().body()).data["refresh_token"]
    house.sql("DELETE FROM admin.admins")
    assert auth_api.post("/auth/refresh", {"refresh_token": token}).error == (401, "refresh_token_invalid")


def test_logging_out_ends_the_staff_session_and_is_audited(auth_api: Api, operator: Appoint, house: House) -> None:
    ops = operator()
    token = auth_api.post("/admin/auth/login", ops.body()).data["access_token"]
    user = log_in(auth_api, account=ops.email).data["access_token"]
    assert auth_api.post("/admin/auth/logout").error == (401, "unauthenticated")
    assert auth_api.post("/admin/auth/logout", token=user).error == (403, "permission_denied")
    assert auth_api.post("/admin/auth/logout", token=token).data == {"revoked": 1}
    assert auth_api.get("/admin/auth/permissions", token=token).error == (401, "token_revoked")
    assert house.sql("SELECT admin_uid, operation, result FROM admin.admin_operation_logs") == [
        (ops.uid, "logout", "success")
    ]


def test_a_staff_password_is_the_one_that_counts_once_it_is_set(auth_api: Api, operator: Appoint, house: House) -> None:
    ops = operator()
    house.sql("UPDATE admin.admins SET staff_password_hash = %s", (passwords.hashed("staff only 1"),))
    assert auth_api.post("/admin/auth/login", ops.body()).error == (401, "invalid_credentials")
    assert auth_api.post("/admin/auth/login", ops.body(password="staff only 1")).status == 200
    assert log_in(auth_api, account=ops.email).status == 200
    assert log_in(auth_api, account=ops.email, password="staff only 1").error == (401, "invalid_credentials")


def test_an_address_never_seen_raises_an_event_and_tells_the_operator(
    auth_api: Api, operator: Appoint, house: House, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_HOPS", "1")
    ops = operator()
    for ip in ("198.51.100.1", "198.51.100.1", "198.51.100.2", "198.51.100.1"):
        body = {"email": ops.email, "password": PASSWORD}
        assert auth_api.post("/admin/auth/login", body, headers={"x-forwarded-for": ip}).status == 200
    rows = house.sql("SELECT kind, user_id, admin_id, ip, detail ->> 'why' FROM admin.security_events ORDER BY event_id")
    assert rows == [("abnormal_login", ops.uid, ops.uid, "198.51.100.2", "new_address")]
    assert house.sql("SELECT last_login_ip FROM admin.admins") == [("198.51.100.1",)]
    post.deliver()
    assert "从未使用过的网络地址" in post.letters[0].body


def test_an_address_that_was_refused_is_still_new_the_next_time(
    auth_api: Api, operator: Appoint, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_HOPS", "1")
    ops = operator(totp=True)
    headers = {"x-forwarded-for": "198.51.100.1"}
    assert auth_api.post("/admin/auth/login", ops.body(totp_code="000000"), headers=headers).error == (401, "totp_invalid")
    assert house.sql("SELECT * FROM identity.staff_addresses") == []
