"""What comes back must fit what went out: replay, mix-up, strangers, time."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.identity.service import sessions
from functions.identity.store.oauth import StateItem
from shared.caller import forget_sessions
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.oauth.conftest import PROVIDERS, Browser, query_of

INVALID = (400, "oauth_state_invalid")
Register = Callable[..., dict[str, Any]]


@pytest.fixture
def advance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Move the clock."""
    file = tmp_path / "clock.json"

    def moved(**span: float) -> None:
        file.write_text(f'{{"offset_seconds": {timedelta(**span).total_seconds()}}}')
        monkeypatch.setenv("CLOCK_FILE", str(file))

    return moved


def links(house: House) -> int:
    ((count,),) = house.sql("SELECT count(*) FROM identity.user_oauth")
    return int(count)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_state_is_good_once(browser: Browser, provider: str) -> None:
    address = browser.begin(provider)["authorize_url"]
    brought = browser.answer(provider, address, user_id="1")
    assert browser.back(provider, brought).status == 200
    assert browser.back(provider, brought).error == INVALID
    fresh_code = browser.answer(provider, address, user_id="1")
    assert browser.back(provider, fresh_code).error == INVALID


def test_a_state_is_used_up_even_when_the_provider_fails(browser: Browser) -> None:
    brought = browser.answer("qq", browser.begin("qq")["authorize_url"], user_id="1")
    assert browser.back("qq", brought | {"code": "wrong"}).error == (502, "oauth_provider_error")
    assert browser.back("qq", brought).error == INVALID


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_state_of_one_provider_does_not_count_at_another(browser: Browser, house: House, provider: str) -> None:
    other = PROVIDERS[PROVIDERS.index(provider) - 1]
    brought = browser.answer(provider, browser.begin(provider)["authorize_url"], user_id="1")
    assert browser.back(other, brought).error == INVALID
    assert links(house) == 0
    # The code never reached the other provider, and the state is used up.
    assert all(entry["what"] != "token" for entry in browser.sandbox.requests(vendor=f"oauth/{other}"))
    assert browser.back(provider, brought).error == INVALID


@pytest.mark.parametrize("state", ["", "x", "x" * 43, "x" * 44, "../../etc/passwd", "U#100001", "é" * 43])
def test_a_state_nobody_gave_out_opens_nothing(browser: Browser, state: str) -> None:
    assert browser.back("google", {"code": "c", "state": state}).error == INVALID
    assert browser.back("apple", {"code": "c", "state": state}).error in {INVALID, (422, "validation_error")}


def test_a_state_lives_ten_minutes(browser: Browser, advance: Callable[..., None]) -> None:
    brought = browser.answer("weibo", browser.begin("weibo")["authorize_url"], user_id="1")
    late = browser.answer("weibo", browser.begin("weibo")["authorize_url"], user_id="1")
    advance(seconds=595)
    refused = browser.back("weibo", brought)
    assert refused.json["details"]["reason"] == "code_rejected"  # by the vendor: its codes are older than 5 minutes
    advance(seconds=601)
    assert browser.back("weibo", late).error == INVALID


def test_a_state_says_when_it_may_be_forgotten(browser: Browser) -> None:
    state = browser.begin("google")["state"]
    item = StateItem.get(f"O#{state}", "STATE")
    asked = query_of(browser.begin("google")["authorize_url"])
    assert item.ttl is not None
    assert item.pkce != asked["code_challenge"]
    assert [item.provider, item.scene, item.uid] == ["google", "login", None]


def test_binding_needs_a_token(oauth_api: Api, providers: dict[str, Any]) -> None:
    assert oauth_api.get("/auth/oauth/google", query={"scene": "bind"}).error == (401, "unauthenticated")
    assert oauth_api.get("/auth/oauth/google", query={"scene": "bind"}, token="no.such.token").error == (
        401,
        "unauthenticated",
    )


def test_a_binding_of_one_account_is_not_ended_by_another(browser: Browser, register: Register, house: House) -> None:
    ann, eve = register(), register(email="eve@example.com")
    address = browser.begin("google", token=eve["access_token"], scene="bind")["authorize_url"]
    brought = browser.answer("google", address, user_id="anns-google")
    assert browser.back("google", brought, token=ann["access_token"]).error == INVALID
    assert links(house) == 0


def test_a_binding_is_not_ended_from_somewhere_else_by_nobody(
    browser: Browser, register: Register, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = register(email="eve@example.com")
    address = browser.begin("google", token=eve["access_token"], scene="bind")["authorize_url"]
    brought = browser.answer("google", address, user_id="anns-google")
    monkeypatch.setenv("FORWARDED_HOPS", "1")
    assert browser.back("google", brought, headers={"x-forwarded-for": "198.51.100.9"}).error == INVALID
    assert links(house) == 0


def test_a_browser_that_comes_back_to_the_api_itself_has_no_token_and_binds(browser: Browser, register: Register) -> None:
    address = browser.begin("apple", token=register()["access_token"], scene="bind")["authorize_url"]
    assert browser.back("apple", browser.answer("apple", address, user_id="1")).data == {"provider": "apple", "bound": True}


def test_a_binding_ends_with_the_session_that_began_it(browser: Browser, register: Register, house: House) -> None:
    ann = register()
    address = browser.begin("google", token=ann["access_token"], scene="bind")["authorize_url"]
    brought = browser.answer("google", address, user_id="1")
    sessions.revoke_all(ann["user"]["user_id"])
    forget_sessions()
    assert browser.back("google", brought).error == INVALID
    assert links(house) == 0


def test_a_sign_in_with_somebodys_token_attached_is_a_sign_in(browser: Browser, register: Register) -> None:
    ann = register()
    address = browser.begin("google", token=ann["access_token"])["authorize_url"]
    pair = browser.back("google", browser.answer("google", address, user_id="1"), token=ann["access_token"]).data
    assert pair["is_new_user"] is True
    assert pair["user"]["user_id"] != ann["user"]["user_id"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_who_says_no_is_told_so_and_the_state_is_over(browser: Browser, provider: str) -> None:
    brought = browser.answer(provider, browser.begin(provider)["authorize_url"], deny=True)
    assert "code" not in brought
    reply = browser.back(provider, brought)
    assert reply.error == (502, "oauth_provider_error")
    assert reply.json["details"] == {"provider": provider, "reason": "denied"}
    assert browser.back(provider, brought).error == INVALID


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        ("code=c&state=" + "x" * 43, {}, INVALID),
        ("code=c", {}, (422, "validation_error")),
        ("state=", {}, (422, "validation_error")),
        ("code=a&code=b&state=s", {}, (422, "validation_error")),
        ("code=" + "a" * 2001 + "&state=s", {}, (422, "validation_error")),
        ("&".join(f"f{n}=1" for n in range(30)), {}, (422, "validation_error")),
        ("code=%ff&state=s", {}, (422, "validation_error")),
        ("", {}, (422, "validation_error")),
        ("state=s&unknown=1", {}, INVALID),
    ],
)
def test_apples_form_is_read_strictly(oauth_api: Api, body: str, headers: dict[str, str], error: tuple[int, str]) -> None:
    reply = oauth_api.post("/auth/oauth/apple/callback", form=body, headers=headers)
    assert reply.error == error, reply.text


def test_apples_callback_takes_nothing_but_a_form(oauth_api: Api) -> None:
    reply = oauth_api.post("/auth/oauth/apple/callback", {"code": "c", "state": "s"})
    assert reply.error == (415, "unsupported_media_type")
    assert oauth_api.get("/auth/oauth/apple/callback", query={"code": "c", "state": "s"}).error == (
        405,
        "method_not_allowed",
    )


def test_an_invalid_form_names_its_field_in_both_languages(oauth_api: Api) -> None:
    for language in ("en", "zh-CN"):
        reply = oauth_api.post("/auth/oauth/apple/callback", form="code=c", headers={"accept-language": language})
        (fault,) = reply.json["details"]
        assert fault["field"] == "body.state"
        assert any("\u4e00" <= character <= "\u9fff" for character in fault["message"]) == (language == "zh-CN")
