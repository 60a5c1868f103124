"""From the first page to tokens, with each provider."""

from typing import Any

import pytest

from functions.identity.store.logins import LoginItem
from shared import crypto
from shared.dynamo.sessions import user_key
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.oauth.conftest import PROVIDERS, REGISTERED, Browser, configure, query_of, told_in


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_first_sign_in_opens_an_account_and_the_second_finds_it(browser: Browser, house: House, provider: str) -> None:
    first = browser.sign_in(provider, "1001", name="Ann Lee").data
    assert first["is_new_user"] is True
    assert first["user"]["last_login_method"] == provider
    second = browser.sign_in(provider, "1001", name="Ann Lee").data
    assert second["is_new_user"] is False
    assert second["user"]["user_id"] == first["user"]["user_id"]
    assert second["session_id"] != first["session_id"]
    other = browser.sign_in(provider, "1002").data
    assert other["user"]["user_id"] != first["user"]["user_id"]
    assert house.sql("SELECT count(*) FROM identity.user_oauth WHERE provider = %s", (provider,)) == [(2,)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_new_account_is_whole_but_for_a_password(browser: Browser, house: House, provider: str) -> None:
    user = browser.sign_in(provider, "1001", name="Ann Lee").data["user"]
    uid = user["user_id"]
    assert user["display_name"] == "Ann Lee"
    assert user["username"].startswith("user_")
    assert user["roles"] == ["user"]
    assert (user["email"], user["email_verified"], user["phone"]) == (None, False, None)
    assert house.sql("SELECT password_hash FROM identity.user_auth WHERE uid = %s", (uid,)) == [(None,)]
    assert house.sql("SELECT kind, granted, ip FROM identity.user_consents WHERE uid = %s", (uid,)) == [
        ("terms", True, "203.0.113.7")
    ]
    (fact,) = house.facts("identity.user_registered.v1")
    assert fact["uid"] == uid
    (line,) = LoginItem.query(user_key(uid))
    assert (line.method, line.ok, line.ip) == (provider, True, "203.0.113.7")


@pytest.mark.parametrize("provider", ["google", "apple"])
def test_a_verified_address_comes_along_and_says_who_vouched_for_it(browser: Browser, house: House, provider: str) -> None:
    user = browser.sign_in(provider, "sub-1", email="Ann@Example.com").data["user"]
    assert (user["email"], user["email_verified"]) == ("ann@example.com", True)
    (row,) = house.sql(
        """
        SELECT email_verified_via, google_id, google_linked_at IS NOT NULL, apple_id, apple_linked_at IS NOT NULL
        FROM identity.users WHERE uid = %s
        """,
        (user["user_id"],),
    )
    linked = {"google": ("sub-1", True, None, False), "apple": (None, False, "sub-1", True)}[provider]
    assert row == (provider, *linked)


@pytest.mark.parametrize("provider", ["google", "apple"])
def test_an_address_nobody_verified_does_not_come_along(browser: Browser, provider: str) -> None:
    user = browser.sign_in(provider, "sub-1", email="ann@example.com", email_verified=False).data["user"]
    assert (user["email"], user["email_verified"]) == (None, False)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tokens_are_kept_encrypted_each_for_its_own_row(browser: Browser, house: House, provider: str) -> None:
    browser.sign_in(provider, "1001")
    ((access, refresh, subject),) = house.sql(
        "SELECT access_token, refresh_token, provider_user_id FROM identity.user_oauth"
    )
    row = {"table": "user_oauth", "provider": provider, "subject": subject}
    assert access.startswith("v1:")
    assert len(crypto.decrypt(access, row | {"column": "access_token"})) > 20
    assert (refresh is None) == (provider in {"weibo", "google"})
    with pytest.raises(crypto.Undecipherable):
        crypto.decrypt(access, row | {"column": "refresh_token"})


def test_the_account_of_a_provider_signs_in_like_any_other(browser: Browser, auth_api: Api) -> None:
    pair = browser.sign_in("google", "1001").data
    renewed = auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).data
    assert renewed["user"]["user_id"] == pair["user"]["user_id"]
    assert auth_api.post("/auth/logout", token=pair["access_token"]).data == {"revoked": 1}
    body = {"account": pair["user"]["username"], "password": "correct horse 1"}
    assert auth_api.post("/auth/login", body).error == (401, "invalid_credentials")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_newcomer_speaks_the_language_of_the_request(browser: Browser, house: House, language: str) -> None:
    brought = browser.answer("qq", browser.begin("qq")["authorize_url"], user_id="1001")
    user = browser.back("qq", brought, headers={"accept-language": language}).data["user"]
    assert user["locale"] == language


WISHES: dict[str, dict[str, str]] = {
    "wechat": {"scope": "snsapi_login"},
    "qq": {"scope": "get_user_info"},
    "weibo": {},
    "google": {"scope": "openid email profile", "code_challenge_method": "S256"},
    "apple": {"scope": "name email", "response_mode": "form_post"},
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_address_has_all_that_the_provider_wants(browser: Browser, providers: dict[str, Any], provider: str) -> None:
    begun = browser.begin(provider)
    assert begun["expires_in"] == 600
    asked = query_of(begun["authorize_url"])
    assert begun["authorize_url"].endswith("#wechat_redirect") == (provider == "wechat")
    wanted = WISHES[provider] | {
        "appid" if provider == "wechat" else "client_id": providers[provider]["client_id"],
        "redirect_uri": f"http://house.test/api/v1/auth/oauth/{provider}/callback",
        "response_type": "code",
        "state": begun["state"],
    }
    assert wanted.items() <= asked.items()
    random = set(asked) - set(wanted)
    assert random == {"google": {"nonce", "code_challenge"}, "apple": {"nonce"}}.get(provider, set())
    assert "secret" not in begun["authorize_url"]
    again = query_of(browser.begin(provider)["authorize_url"])
    assert all(again[name] != asked[name] for name in random | {"state"})
    assert len(asked["state"]) == 43


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_registered_address_may_be_come_back_to(browser: Browser, provider: str) -> None:
    begun = browser.begin(provider, redirect_uri=REGISTERED)
    assert query_of(begun["authorize_url"])["redirect_uri"] == REGISTERED
    brought = browser.answer(provider, begun["authorize_url"], user_id="1001")
    assert browser.back(provider, brought).data["is_new_user"] is True


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        REGISTERED + "/../steal",
        REGISTERED + "?next=https://evil.example",
        REGISTERED + "#",
        REGISTERED.replace("https", "http"),
        REGISTERED.upper(),
        "https://app.example@evil.example/signed-in",
        "//app.example/signed-in",
        "javascript:alert(1)",
        "http://house.test/api/v1/auth/oauth/qq/callback",
        " " + REGISTERED,
    ],
)
def test_no_other_address_is_a_way_out(browser: Browser, oauth_api: Api, address: str) -> None:
    reply = oauth_api.get("/auth/oauth/google", query={"redirect_uri": address})
    assert reply.error == (422, "redirect_uri_not_allowed")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_nobody_configured_says_so(oauth_api: Api, provider: str) -> None:
    configure({"unset": "x"})
    assert oauth_api.get(f"/auth/oauth/{provider}").error == (503, "provider_not_configured")


def test_half_a_configuration_is_none_and_no_secret_is_told(oauth_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    configure({"google": {"client_secret": "s3cret-value"}, "apple": {"client_id": "x", "private_key": "s3cret-value"}})
    assert oauth_api.get("/auth/oauth/google").error == (503, "provider_not_configured")
    assert oauth_api.get("/auth/oauth/apple").error == (503, "provider_not_configured")
    said = told_in(caplog)
    assert "'fields': ['client_id']" in said
    assert "s3cret-value" not in said


def test_a_provider_configured_later_is_found(oauth_api: Api, browser: Browser, providers: dict[str, Any]) -> None:
    configure({})
    assert oauth_api.get("/auth/oauth/qq").error == (503, "provider_not_configured")
    configure(providers)
    assert browser.sign_in("qq").data["is_new_user"] is True


def test_apples_name_comes_with_the_first_sign_in_only_and_stays(browser: Browser) -> None:
    assert browser.sign_in("apple", "a1", name="Ann Lee").data["user"]["display_name"] == "Ann Lee"
    assert browser.sign_in("apple", "a1").data["user"]["display_name"] == "Ann Lee"


@pytest.mark.parametrize(
    "user", ["", "[]", "null", '{"name": "x"}', '{"name": {"firstName": 5}}', "{", '{"name": {"firstName": "\\u0007 "}}']
)
def test_whatever_stands_in_apples_user_field_nobody_is_stopped_by_it(browser: Browser, user: str) -> None:
    brought = browser.answer("apple", browser.begin("apple")["authorize_url"], user_id="a1")
    account = browser.back("apple", brought | {"user": user}).data["user"]
    assert account["display_name"] == account["username"]


def test_an_address_in_apples_user_field_proves_nothing(browser: Browser) -> None:
    brought = browser.answer("apple", browser.begin("apple")["authorize_url"], user_id="a1")
    forged = brought | {"user": '{"email": "boss@example.com", "name": {}}', "id_token": "e30.e30.e30"}
    assert browser.back("apple", forged).data["user"]["email"] is None


def test_apple_may_say_verified_in_a_word(browser: Browser) -> None:
    browser.sandbox.behave(vendor="oauth/apple", email_verified_as="word")
    assert browser.sign_in("apple", "a1", email="a@example.com").data["user"]["email_verified"] is True
    assert browser.sign_in("apple", "a2", email="b@example.com", email_verified=False).data["user"]["email"] is None
