"""Which account a provider's account opens: by link, by an address proved on both sides, or none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.identity.errors import LastLoginMethod, OauthAccountNotFound
from functions.identity.service import linked_accounts
from functions.identity.store.logins import LoginItem
from shared import clock, passwords
from shared.dynamo.sessions import user_key
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD, log_in
from tests.identity.oauth.conftest import PROVIDERS, Browser

Register = Callable[..., dict[str, Any]]


@pytest.fixture
def ann(register: Register, code_for: Callable[..., str]) -> dict[str, Any]:
    """An account with a password and an address its owner proved."""
    return register(code=code_for("ann@example.com", "register"))


def providers_of(house: House, uid: int) -> list[str]:
    return [row[0] for row in house.sql("SELECT provider FROM identity.user_oauth WHERE uid = %s ORDER BY id", (uid,))]


@pytest.mark.parametrize("provider", ["google", "apple"])
def test_an_address_proved_on_both_sides_opens_the_account_that_is_there(
    browser: Browser, ann: dict[str, Any], house: House, provider: str
) -> None:
    pair = browser.sign_in(provider, "sub-1", email="Ann@Example.com").data
    assert pair["is_new_user"] is False
    assert pair["user"]["user_id"] == ann["user"]["user_id"]
    assert pair["user"]["last_login_method"] == provider
    assert providers_of(house, ann["user"]["user_id"]) == [provider]
    assert house.sql("SELECT email_verified_via FROM identity.users WHERE email = 'ann@example.com'") == [("code",)]


def test_from_then_on_the_link_counts_and_not_the_address(browser: Browser, ann: dict[str, Any]) -> None:
    browser.sign_in("google", "sub-1", email="ann@example.com")
    moved = browser.sign_in("google", "sub-1", email="elsewhere@example.com").data
    assert moved["user"]["user_id"] == ann["user"]["user_id"]
    assert moved["user"]["email"] == "ann@example.com"


def test_an_address_the_provider_did_not_verify_opens_nothing(browser: Browser, ann: dict[str, Any]) -> None:
    pair = browser.sign_in("google", "sub-1", email="ann@example.com", email_verified=False).data
    assert pair["is_new_user"] is True
    assert pair["user"]["user_id"] != ann["user"]["user_id"]
    assert pair["user"]["email"] is None


def test_whoever_waits_under_an_address_not_theirs_gets_nothing_when_its_owner_comes(
    browser: Browser, register: Register, auth_api: Api, house: House
) -> None:
    squatter = register()["user"]
    assert squatter["email_verified"] is False
    owner = browser.sign_in("google", "sub-1", email="ann@example.com").data
    assert owner["is_new_user"] is True
    assert owner["user"]["user_id"] != squatter["user_id"]
    assert owner["user"]["email"] is None
    assert log_in(auth_api).data["user"]["user_id"] == squatter["user_id"]
    assert providers_of(house, squatter["user_id"]) == []
    again = browser.sign_in("google", "sub-1", email="ann@example.com").data
    assert again["user"]["user_id"] == owner["user"]["user_id"]


def test_two_providers_that_vouch_for_one_address_open_one_account(browser: Browser, house: House) -> None:
    first = browser.sign_in("google", "g1", email="ann@example.com").data
    second = browser.sign_in("apple", "a1", email="ann@example.com").data
    assert (second["is_new_user"], second["user"]["user_id"]) == (False, first["user"]["user_id"])
    assert providers_of(house, first["user"]["user_id"]) == ["google", "apple"]


def test_an_address_that_went_to_somebody_else_does_not_take_the_link_along(browser: Browser) -> None:
    browser.sign_in("google", "g1", email="ann@example.com")
    assert browser.sign_in("google", "g2", email="ann@example.com").error == (409, "oauth_already_bound")


@pytest.mark.parametrize("is_linked", [True, False])
def test_a_banned_person_is_told_and_nothing_is_linked(
    browser: Browser, ann: dict[str, Any], house: House, is_linked: bool
) -> None:
    uid = ann["user"]["user_id"]
    if is_linked:
        browser.sign_in("google", "sub-1", email="ann@example.com")
    end = clock.now() + timedelta(days=1)
    house.sql("UPDATE identity.users SET status = 'banned', ban_reason = 'spam', ban_end_time = %s", (end,))
    reply = browser.sign_in("google", "sub-1", email="ann@example.com")
    assert reply.error == (403, "account_banned")
    assert reply.json["details"]["ban_reason"] == "spam"
    assert providers_of(house, uid) == (["google"] if is_linked else [])
    newest = max(LoginItem.query(user_key(uid)), key=lambda line: line.sk)
    assert (newest.method, newest.ok, newest.reason) == ("google", False, "account_banned")


def test_a_ban_that_is_over_holds_nobody_up(browser: Browser, ann: dict[str, Any], house: House) -> None:
    house.sql("UPDATE identity.users SET status = 'banned', ban_end_time = %s", (clock.now() - timedelta(seconds=1),))
    assert browser.sign_in("google", "sub-1", email="ann@example.com").data["is_new_user"] is False


def test_who_left_and_comes_back_by_a_provider_is_back(browser: Browser, house: House) -> None:
    uid = browser.sign_in("qq").data["user"]["user_id"]
    house.sql("UPDATE identity.users SET status = 'inactive' WHERE uid = %s", (uid,))
    assert browser.sign_in("qq").data["user"]["status"] == "active"


def test_a_deleted_account_is_not_opened_again_its_owner_starts_anew(browser: Browser, house: House) -> None:
    old = browser.sign_in("google", "g1").data["user"]["user_id"]
    house.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = %s", (old,))
    pair = browser.sign_in("google", "g1").data
    assert pair["is_new_user"] is True
    assert pair["user"]["user_id"] != old
    assert providers_of(house, old) == []


def test_a_lock_out_is_about_passwords(browser: Browser, ann: dict[str, Any], auth_api: Api) -> None:
    browser.sign_in("google", "g1", email="ann@example.com")
    for _ in range(5):
        log_in(auth_api, password="wrong horse 1")
    assert log_in(auth_api).error == (423, "account_locked")
    assert browser.sign_in("google", "g1").data["is_new_user"] is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_binding_links_and_then_the_provider_opens_the_account(
    browser: Browser, ann: dict[str, Any], house: House, provider: str
) -> None:
    uid = ann["user"]["user_id"]
    assert browser.bind(provider, ann["access_token"]).data == {"provider": provider, "bound": True}
    assert providers_of(house, uid) == [provider]
    pair = browser.sign_in(provider).data
    assert (pair["is_new_user"], pair["user"]["user_id"]) == (False, uid)


def test_binding_again_what_is_bound_is_as_good_as_once(browser: Browser, ann: dict[str, Any], house: House) -> None:
    for _ in range(2):
        assert browser.bind("qq", ann["access_token"]).data["bound"] is True
    assert providers_of(house, ann["user"]["user_id"]) == ["qq"]


def test_what_opens_another_account_cannot_be_bound(browser: Browser, ann: dict[str, Any], house: House) -> None:
    browser.sign_in("weibo", "7")
    assert browser.bind("weibo", ann["access_token"], "7").error == (409, "oauth_already_bound")
    assert providers_of(house, ann["user"]["user_id"]) == []


def test_a_second_account_of_one_provider_cannot_be_bound(browser: Browser, ann: dict[str, Any]) -> None:
    browser.bind("weibo", ann["access_token"], "7")
    assert browser.bind("weibo", ann["access_token"], "8").error == (409, "oauth_already_bound")


def test_who_was_banned_meanwhile_binds_nothing(browser: Browser, ann: dict[str, Any], house: House) -> None:
    address = browser.begin("qq", token=ann["access_token"], scene="bind")["authorize_url"]
    house.sql("UPDATE identity.users SET status = 'banned'")
    reply = browser.back("qq", browser.answer("qq", address, user_id="1"))
    assert reply.error == (403, "account_banned")
    assert providers_of(house, ann["user"]["user_id"]) == []


def test_linked_accounts_are_listed_and_taken_away(browser: Browser, ann: dict[str, Any], house: House) -> None:
    uid = ann["user"]["user_id"]
    browser.bind("google", ann["access_token"], "g1")
    browser.bind("qq", ann["access_token"])
    with house.acting("identity") as db:
        assert [account.provider for account in linked_accounts.linked(db, uid)] == ["google", "qq"]
        linked_accounts.unlink(db, uid, "google")
        assert [account.provider for account in linked_accounts.linked(db, uid)] == ["qq"]
    assert house.sql("SELECT google_id, google_linked_at FROM identity.users WHERE uid = %s", (uid,)) == [(None, None)]
    assert browser.sign_in("google", "g1").data["is_new_user"] is True


def test_what_is_not_linked_cannot_be_taken_away(ann: dict[str, Any], house: House) -> None:
    with house.acting("identity") as db, pytest.raises(OauthAccountNotFound):
        linked_accounts.unlink(db, ann["user"]["user_id"], "qq")
    with house.acting("identity") as db, pytest.raises(OauthAccountNotFound):
        linked_accounts.unlink(db, 1, "qq")


WAYS = {
    "nothing": ("SELECT 1", False),
    "a password": ("UPDATE identity.user_auth SET password_hash = 'x'", True),
    "a verified address": ("UPDATE identity.users SET email = 'a@example.com', email_verified_at = now()", True),
    "an address": ("UPDATE identity.users SET email = 'a@example.com'", False),
    "a verified number": ("UPDATE identity.users SET phone_number = '+8613800138000', phone_verified_at = now()", True),
    "a number": ("UPDATE identity.users SET phone_number = '+8613800138000'", False),
    "another provider": (
        """
        INSERT INTO identity.user_oauth (uid, provider, provider_user_id, linked_at)
        SELECT uid, 'weibo', '1', now() FROM identity.users
        """,
        True,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_last_way_in_cannot_be_taken_away(browser: Browser, house: House, way: str) -> None:
    uid = browser.sign_in("qq").data["user"]["user_id"]
    statement, is_enough = WAYS[way]
    house.sql(statement)
    with house.acting("identity") as db:
        if is_enough:
            linked_accounts.unlink(db, uid, "qq")
        else:
            with pytest.raises(LastLoginMethod):
                linked_accounts.unlink(db, uid, "qq")
        assert [one.provider for one in linked_accounts.linked(db, uid) if one.provider == "qq"] == (
            [] if is_enough else ["qq"]
        )


def test_a_password_set_later_works_beside_the_provider(browser: Browser, auth_api: Api, house: House) -> None:
    user = browser.sign_in("google", "g1", email="ann@example.com").data["user"]
    house.sql(
        "UPDATE identity.user_auth SET password_hash = %s WHERE uid = %s", (passwords.hashed(PASSWORD), user["user_id"])
    )
    assert log_in(auth_api).data["user"]["user_id"] == user["user_id"]
