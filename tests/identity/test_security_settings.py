"""What opens an account, and changing it: alarms, one session, providers, one-time passwords."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from functions.identity.totp import code_at, step_of
from shared import caller, clock
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, Operator, log_in

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, 4, tzinfo=UTC)
PATH = "/users/security"
OVERVIEW = {
    "password_set", "email", "email_verified", "phone", "phone_verified", "oauth_accounts", "totp_enabled", "login_alerts",
    "single_session", "recent_logins",
}  # fmt: skip


@pytest.fixture
def token(register: Register) -> str:
    with clock.frozen(NOW):
        return str(register(device_id="phone-1", device_type="iOS")["access_token"])


@pytest.fixture
def put(api_of_self: Api, token: str) -> Callable[..., Reply]:
    """Change Ann's settings at noon, or so many seconds later."""

    def changed(after: float = 0, **fields: Any) -> Reply:
        with clock.frozen(NOW + timedelta(seconds=after)):
            return api_of_self.put(PATH, fields, token=token)

    return changed


@pytest.fixture
def enrolled(put: Callable[..., Reply]) -> tuple[str, list[str]]:
    """Ann's secret, in force, and her recovery codes."""
    secret = put(totp_action="enroll").data["totp"]["secret"]
    codes = put(totp_action="confirm", totp_code=code_at(secret, step_of(NOW))).data["recovery_codes"]
    return secret, codes


def code(secret: str, after: float) -> str:
    return code_at(secret, step_of(NOW + timedelta(seconds=after)))


def link(house: House, uid: int, provider: str) -> None:
    house.sql(
        "INSERT INTO identity.user_oauth (uid, provider, provider_user_id, linked_at) VALUES (%s, %s, %s, %s)",
        (uid, provider, f"{provider}-{uid}", NOW),
    )


def uid_of(house: House) -> int:
    ((uid,),) = house.sql("SELECT uid FROM identity.users")
    return int(uid)


def test_the_overview_shows_what_opens_the_account_masked(api_of_self: Api, auth_api: Api, token: str, house: House) -> None:
    house.sql("UPDATE identity.users SET phone_number = '+8613800138000', phone_verified_at = now()")
    link(house, uid_of(house), "google")
    with clock.frozen(NOW + timedelta(minutes=1)):
        log_in(auth_api, password="wrong horse 1")
        seen = api_of_self.get(PATH, token=token).data
    assert set(seen) == OVERVIEW
    assert (seen["email"], seen["phone"]) == ("a***@example.com", "+86138****8000")
    assert (seen["password_set"], seen["email_verified"], seen["phone_verified"]) == (True, False, True)
    assert seen["oauth_accounts"] == [{"provider": "google", "linked_at": "2027-01-01T04:00:00Z"}]
    assert (seen["totp_enabled"], seen["login_alerts"], seen["single_session"]) == (False, True, False)
    assert seen["recent_logins"] == [
        {"at": "2027-01-01T04:01:00Z", "ip": "203.0.113.7", "device_type": None, "method": "password", "ok": False},
        {"at": "2027-01-01T04:00:00Z", "ip": "203.0.113.7", "device_type": "iOS", "method": "register", "ok": True},
    ]
    assert api_of_self.get(PATH).error == (401, "unauthenticated")


def test_ten_logins_are_shown_and_only_ones_own(api_of_self: Api, auth_api: Api, register: Register, token: str) -> None:
    with clock.frozen(NOW + timedelta(minutes=1)):
        register(email="bob@example.com")
        for _ in range(12):
            log_in(auth_api)
        seen = api_of_self.get(PATH, token=token).data["recent_logins"]
    assert Counter(item["method"] for item in seen) == {"password": 10}


def test_what_is_not_named_stays_as_it_is(put: Callable[..., Reply]) -> None:
    assert (put(login_alerts=False).data["login_alerts"], put(single_session=True).data["login_alerts"]) == (False, False)
    data = put().data
    assert (data["login_alerts"], data["single_session"], data["totp"], data["recovery_codes"]) == (False, True, None, None)
    assert put(unknown=1).error == (422, "validation_error")


def test_a_secret_is_in_force_once_a_code_of_it_was_shown(put: Callable[..., Reply]) -> None:
    offered = put(totp_action="enroll").data
    assert offered["totp_enabled"] is False
    assert offered["recovery_codes"] is None
    uri = urlsplit(offered["totp"]["otpauth_uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/ShareStack%3Aann%40example.com")
    assert parse_qs(uri.query)["secret"] == [offered["totp"]["secret"]]
    app = pyotp.parse_uri(offered["totp"]["otpauth_uri"])
    assert isinstance(app, pyotp.TOTP)
    assert put(totp_action="confirm", totp_code="000000").error == (400, "totp_code_invalid")
    assert put(totp_action="confirm").error == (400, "totp_code_invalid")
    confirmed = put(totp_action="confirm", totp_code=app.at(NOW)).data
    assert confirmed["totp_enabled"] is True
    assert confirmed["totp"] is None
    assert len(set(confirmed["recovery_codes"])) == 10
    assert put().data["recovery_codes"] is None


def test_secret_and_recovery_codes_are_not_stored_as_they_are(enrolled: tuple[str, list[str]], house: House) -> None:
    secret, codes = enrolled
    stored = str(house.sql("SELECT totp_secret, totp_pending, recovery_code_hashes FROM identity.user_auth"))
    assert secret not in stored
    assert not any(one in stored for one in codes)


def test_nothing_can_be_confirmed_that_was_not_offered(put: Callable[..., Reply], enrolled: tuple[str, list[str]]) -> None:
    later = put(30, totp_action="confirm", totp_code=code(enrolled[0], 30))
    assert later.error == (400, "totp_code_invalid")


def test_a_stolen_session_can_neither_replace_nor_drop_the_second_factor(
    put: Callable[..., Reply], enrolled: tuple[str, list[str]]
) -> None:
    for action in ("enroll", "disable"):
        assert put(totp_action=action).error == (400, "totp_code_invalid")
        assert put(totp_action=action, totp_code="000000").error == (400, "totp_code_invalid")
    assert put().data["totp_enabled"] is True


def test_the_code_that_enrolled_does_not_disable(put: Callable[..., Reply], enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    assert put(totp_action="disable", totp_code=code(secret, 0)).error == (400, "totp_code_invalid")
    assert put(30, totp_action="disable", totp_code=code(secret, 30)).data["totp_enabled"] is False


def test_a_recovery_code_counts_once(put: Callable[..., Reply], enrolled: tuple[str, list[str]], house: House) -> None:
    _, codes = enrolled
    offered = put(totp_action="enroll", totp_code=codes[0].upper()).data["totp"]
    assert put(totp_action="disable", totp_code=codes[0]).error == (400, "totp_code_invalid")
    fresh = put(totp_action="confirm", totp_code=code(offered["secret"], 0)).data["recovery_codes"]
    assert put(totp_action="disable", totp_code=codes[1]).error == (400, "totp_code_invalid")
    assert put(totp_action="disable", totp_code=fresh[0]).data["totp_enabled"] is False
    assert house.sql("SELECT totp_secret, recovery_code_hashes FROM identity.user_auth") == [(None, [])]


def test_until_the_new_secret_is_confirmed_the_old_one_is_in_force(
    put: Callable[..., Reply], enrolled: tuple[str, list[str]]
) -> None:
    secret, _ = enrolled
    put(30, totp_action="enroll", totp_code=code(secret, 30))
    assert put(60, totp_action="disable", totp_code=code(secret, 60)).data["totp_enabled"] is False


def test_guessing_one_time_passwords_locks_and_a_locked_account_takes_not_even_the_right_one(
    put: Callable[..., Reply], enrolled: tuple[str, list[str]], house: House
) -> None:
    secret, _ = enrolled
    for _ in range(5):
        assert put(totp_action="disable", totp_code="000000").error == (400, "totp_code_invalid")
    assert put(30, totp_action="disable", totp_code=code(secret, 30)).error == (423, "account_locked")
    assert house.sql("SELECT kind FROM admin.security_events") == [("brute_force",)]


def test_a_refused_code_leaves_everything_else_in_the_request_undone(
    put: Callable[..., Reply], enrolled: tuple[str, list[str]], house: House
) -> None:
    link(house, uid_of(house), "google")
    wanted = {"login_alerts": False, "unlink_provider": "google", "totp_action": "disable", "totp_code": "000000"}
    assert put(**wanted).error == (400, "totp_code_invalid")
    seen = put().data
    assert (seen["login_alerts"], len(seen["oauth_accounts"])) == (True, 1)
    assert house.sql("SELECT failed_count FROM identity.user_auth") == [(1,)]


def test_an_operator_keeps_the_second_factor_where_it_is_required(
    auth_api: Api, api_of_self: Api, operator: Callable[..., Operator], house: House
) -> None:
    ops = operator(totp=True)
    token = auth_api.post("/admin/auth/login", ops.body()).data["access_token"]
    house.sql("UPDATE identity.user_auth SET totp_last_step = 0")
    disable = {"totp_action": "disable", "totp_code": ops.code}
    house.sql("INSERT INTO admin.system_settings VALUES ('auth.staff_totp_required', 'true', NULL, now())")
    from shared.sql.tunables import forget_tunables

    forget_tunables()
    assert api_of_self.put(PATH, disable, token=token).error == (409, "totp_required_for_staff")
    house.sql("UPDATE admin.system_settings SET value = 'false'")
    forget_tunables()
    assert api_of_self.put(PATH, disable, token=token).data["totp_enabled"] is False


def test_a_provider_is_taken_away_but_never_the_last_way_in(put: Callable[..., Reply], house: House) -> None:
    uid = uid_of(house)
    assert put(unlink_provider="google").error == (404, "oauth_account_not_found")
    link(house, uid, "google")
    assert put(unlink_provider="google").data["oauth_accounts"] == []
    link(house, uid, "wechat")
    house.sql("UPDATE identity.user_auth SET password_hash = NULL")
    assert put(unlink_provider="wechat").error == (409, "last_login_method")
    assert put(unlink_provider="myspace").error == (422, "validation_error")
    assert put().data["password_set"] is False


def test_another_accounts_provider_is_not_found(put: Callable[..., Reply], register: Register, house: House) -> None:
    link(house, register(email="bob@example.com")["user"]["user_id"], "google")
    assert put(unlink_provider="google").error == (404, "oauth_account_not_found")


def test_with_one_session_at_a_time_a_new_login_ends_the_others(
    auth_api: Api, api_of_self: Api, put: Callable[..., Reply], token: str, register: Register
) -> None:
    others = register(email="bob@example.com")["access_token"]
    put(single_session=True)
    with clock.frozen(NOW):
        new = log_in(auth_api).data["access_token"]
        caller.forget_sessions()
        assert api_of_self.get("/users/profile", token=token).error == (401, "token_revoked")
        assert api_of_self.get("/users/profile", token=new).status == 200
    assert api_of_self.get("/users/profile", token=others).status == 200


def test_an_operators_sign_in_leaves_their_session_as_a_user(
    auth_api: Api, api_of_self: Api, operator: Callable[..., Operator], house: House
) -> None:
    ops = operator()
    user = log_in(auth_api, account=ops.email).data["access_token"]
    house.sql("UPDATE identity.user_auth SET single_session = true")
    staff = auth_api.post("/admin/auth/login", {"email": ops.email, "password": PASSWORD}).data["access_token"]
    caller.forget_sessions()
    assert api_of_self.get("/users/profile", token=user).status == 200
    assert api_of_self.get("/users/profile", token=staff).status == 200
