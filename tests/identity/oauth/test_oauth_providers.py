"""What each provider may answer, and what a client is told of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.identity.gateways.oauth_base import Away, Declined, Reply, Wire
from functions.identity.gateways.qq import QqConfig, QqGateway
from functions.identity.providers import Journey, Return, shown_name
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.fixtures.sandbox import Merchant
from tests.identity.oauth.conftest import PROVIDERS, Browser, configure, told_in

ERROR = (502, "oauth_provider_error")


def accounts(house: House) -> int:
    ((count,),) = house.sql("SELECT count(*) FROM identity.users")
    return int(count)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", ["made-up", "expired", "used"])
def test_a_code_that_is_not_good_proves_nobody(browser: Browser, house: House, provider: str, code: str) -> None:
    if code == "expired":
        browser.sandbox.behave(vendor=f"oauth/{provider}", code="expired")
    brought = browser.answer(provider, browser.begin(provider)["authorize_url"], user_id="1")
    if code == "used":
        assert browser.back(provider, brought).status == 200
    if code == "made-up":
        brought["code"] = "made-up"
    before = accounts(house)
    reply = browser.back(provider, brought | {"state": browser.begin(provider)["state"]})
    assert reply.error == ERROR
    details = reply.json["details"]
    assert (details["provider"], details["reason"]) == (provider, "code_rejected")
    expected = {"wechat": {"40029", "40163"}, "qq": {"100019"}, "weibo": {"21325"}}.get(provider, {"invalid_grant"})
    assert details["provider_code"] in expected
    assert accounts(house) == before


@pytest.mark.parametrize("provider", PROVIDERS)
def test_wrong_credentials_are_ours_to_mend_and_the_secret_is_not_told(
    browser: Browser, providers: dict[str, Any], provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    configure({provider: providers[provider] | {"client_secret": "not-the-secret", "private_key": other}})
    reply = browser.sign_in(provider)
    assert reply.error == ERROR
    assert reply.json["details"]["reason"] == "refused"
    assert "not-the-secret" not in told_in(caplog) + reply.text
    assert "BEGIN" not in told_in(caplog)


@pytest.mark.parametrize("provider", ["qq", "weibo"])
def test_a_token_made_for_another_app_opens_nothing(browser: Browser, house: House, provider: str) -> None:
    browser.sandbox.behave(vendor=f"oauth/{provider}", made_for="other_app")
    reply = browser.sign_in(provider)
    assert reply.error == ERROR
    assert reply.json["details"] == {"provider": provider, "reason": "wrong_client", "provider_code": None}
    assert accounts(house) == 0


@pytest.mark.parametrize("provider", ["google", "apple"])
@pytest.mark.parametrize(
    ("how", "check"),
    [
        ("wrong_aud", "aud"),
        ("wrong_iss", "iss"),
        ("wrong_nonce", "nonce"),
        ("expired", "exp"),
        ("wrong_key", "signature"),
        ("unsigned", "alg"),
        ("hmac_with_public_key", "alg"),
    ],
)
def test_an_id_token_that_is_not_right_opens_nothing(
    browser: Browser, house: House, provider: str, how: str, check: str
) -> None:
    browser.sandbox.behave(vendor=f"oauth/{provider}", proof=how)
    reply = browser.sign_in(provider, email="ann@example.com")
    assert reply.error == ERROR
    assert reply.json["details"] == {"provider": provider, "reason": "id_token_invalid", "provider_code": check}
    assert accounts(house) == 0


def test_wechats_key_is_the_unionid_so_that_another_app_of_ours_finds_the_same_person(
    browser: Browser, house: House
) -> None:
    browser.sign_in("wechat", "union-1")
    ((subject, union_id),) = house.sql("SELECT provider_user_id, union_id FROM identity.user_oauth")
    assert (subject, union_id) == ("union-1", "union-1")


def test_without_a_unionid_the_openid_is_the_key_until_there_is_one(browser: Browser, house: House) -> None:
    browser.sandbox.behave(vendor="oauth/wechat", unionid="absent")
    first = browser.sign_in("wechat", "union-1").data
    ((openid, union_id),) = house.sql("SELECT provider_user_id, union_id FROM identity.user_oauth")
    assert (openid[0], union_id) == ("o", None)
    assert browser.sign_in("wechat", "union-1").data["is_new_user"] is False
    browser.sandbox.behave(vendor="oauth/wechat", unionid="present")
    later = browser.sign_in("wechat", "union-1").data
    assert (later["is_new_user"], later["user"]["user_id"]) == (False, first["user"]["user_id"])
    assert house.sql("SELECT provider_user_id, union_id FROM identity.user_oauth") == [("union-1", "union-1")]


def test_qq_may_still_speak_jsonp_and_query_strings(browser: Browser, house: House) -> None:
    browser.sandbox.behave(vendor="oauth/qq", answers="jsonp")
    assert browser.sign_in("qq", "OPEN1", name="Ann").data["user"]["display_name"] == "Ann"
    ((subject, union_id),) = house.sql("SELECT provider_user_id, union_id FROM identity.user_oauth")
    assert subject == "OPEN1"
    assert union_id.startswith("UID_")
    reply = browser.sign_in("qq")
    assert reply.status == 200
    brought = browser.answer("qq", browser.begin("qq")["authorize_url"], user_id="1")
    assert browser.back("qq", brought | {"code": "x"}).json["details"]["provider_code"] == "100019"


def test_qq_without_the_right_to_unionids_says_so(browser: Browser) -> None:
    browser.sandbox.behave(vendor="oauth/qq", unionid="absent")
    assert browser.sign_in("qq").json["details"]["provider_code"] == "100048"


class Script(Wire):
    """A wire with the answers written down."""

    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = list(answers)

    def get(self, url: str, query: dict[str, str] | None = None) -> Reply:
        return Reply(200, self.answers.pop(0))


def qq_of(*answers: str) -> QqGateway:
    gateway = QqGateway(QqConfig(client_id="1", client_secret="s"))
    gateway._wire = Script(*answers)
    return gateway


JOURNEY = Journey("s", "qq", "login", "http://house.test/", "v", "n", None, None, "203.0.113.7")
TOKEN, ME = "access_token=a&expires_in=1&refresh_token=r", 'callback( {"client_id":"1","openid":"O"} );'


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        ((TOKEN, 'callback( {"client_id":"2","openid":"O"} );'), Declined),
        ((TOKEN, 'callback( {"openid":"O"} );'), Declined),
        ((TOKEN, 'callback( {"client_id":"1"} );'), Away),
        ((TOKEN, ME, '{"ret":-1,"msg":"x"}'), Declined),
        (('callback( {"error":100019,"error_description":"x"} );',), Declined),
        (('{"access_token":""}',), Away),
        (("<html>",), Away),
        (("[]",), Away),
        (("",), Away),
    ],
)
def test_whatever_qq_says_it_is_a_person_or_a_refusal(answers: tuple[str, ...], failure: type[Exception]) -> None:
    with pytest.raises(failure):
        qq_of(*answers).identify(JOURNEY, Return("s", "c"))


@pytest.mark.parametrize("me", [ME, ME.strip(), '{"client_id":"1","openid":"O"}', 'callback({"client_id":1,"openid":"O"})'])
def test_every_spelling_of_qqs_answer_is_read(me: str) -> None:
    account = qq_of(TOKEN, me, '{"ret":0,"nickname":"安"}').identify(JOURNEY, Return("s", "c"))
    assert (account.subject, account.name, account.refresh_token) == ("O", "安", "r")


def test_no_token_shows_when_an_account_is_printed() -> None:
    account = qq_of("access_token=s3cret&refresh_token=s3cret", ME, '{"ret":0}').identify(JOURNEY, Return("s", "c"))
    assert "s3cret" not in repr(account)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann", "Ann"),
        ("  安\n\t妮 ", "安 妮"),
        ("x" * 80, "x" * 50),
        ("\u202eevil\u0000", "evil"),
        ("\u200b", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_a_nickname_becomes_one_printable_line(text: object, name: str | None) -> None:
    assert shown_name(text) == name


@pytest.mark.parametrize("provider", PROVIDERS)
def test_five_failures_open_the_circuit_and_half_a_minute_later_one_tries(
    browser: Browser, provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sandbox.behave(vendor=f"oauth/{provider}", gateway="down")
    for _ in range(5):
        reply = browser.sign_in(provider)
        assert reply.error == ERROR
        assert reply.json["details"] == {"provider": provider, "reason": "unavailable"}
    heard = len(browser.sandbox.requests(vendor=f"oauth/{provider}"))
    rests = browser.sign_in(provider)
    assert rests.error == (503, "service_degraded")
    assert 0 < int(rests.headers["retry-after"]) <= 31
    other = "qq" if provider != "qq" else "weibo"
    assert browser.sign_in(other).status == 200
    browser.sandbox.behave(vendor=f"oauth/{provider}", gateway="up")
    assert browser.sign_in(provider).error == (503, "service_degraded")
    assert len(browser.sandbox.requests(vendor=f"oauth/{provider}")) == heard
    clock = tmp_path / "clock.json"
    clock.write_text(f'{{"offset_seconds": {timedelta(seconds=31).total_seconds()}}}')
    monkeypatch.setenv("CLOCK_FILE", str(clock))
    assert browser.sign_in(provider).status == 200
    assert browser.sign_in(provider).status == 200


def test_codes_that_are_refused_do_not_open_the_circuit(browser: Browser) -> None:
    for _ in range(7):
        brought = browser.answer("google", browser.begin("google")["authorize_url"], user_id="1")
        assert browser.back("google", brought | {"code": "x"}).json["details"]["reason"] == "code_rejected"
    assert browser.sign_in("google").status == 200


def test_an_address_where_nobody_listens_is_an_absent_provider_and_no_secret_is_told(
    browser: Browser, oauth_api: Api, providers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    configure({"wechat": providers["wechat"] | {"api_url": "http://127.0.0.1:9", "client_secret": "s3cret-value"}})
    reply = browser.sign_in("wechat")
    assert reply.json["details"] == {"provider": "wechat", "reason": "unavailable"}
    assert "ConnectError" in told_in(caplog)
    assert "s3cret-value" not in told_in(caplog)


@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (200, b"[]"), (200, b"\xff"), (200, b"{}"), (429, b"{}"), (500, b"{}"), (302, b"")]
)
def test_nonsense_is_an_absent_provider(
    browser: Browser, merchant: Merchant, providers: dict[str, Any], answer: tuple[int, bytes]
) -> None:
    configure({"google": providers["google"] | {"token_url": merchant.url}})
    merchant.answers.append(answer)
    brought = browser.answer("google", browser.begin("google")["authorize_url"], user_id="1")
    assert browser.back("google", brought).json["details"] == {"provider": "google", "reason": "unavailable"}


def test_what_is_asked_of_a_provider_is_asked_with_the_verifier_and_the_same_address(
    browser: Browser, merchant: Merchant, providers: dict[str, Any]
) -> None:
    configure({"google": providers["google"] | {"token_url": merchant.url}})
    begun = browser.begin("google")
    browser.back("google", {"code": "c&d=1", "state": begun["state"]})
    sent = merchant.next().decode()
    assert urlencode({"code": "c&d=1"}) in sent
    assert urlencode({"redirect_uri": "http://house.test/api/v1/auth/oauth/google/callback"}) in sent
    assert "code_verifier=" in sent


def test_no_code_no_token_and_no_state_is_ever_logged(
    browser: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], house: House
) -> None:
    caplog.set_level("INFO")
    secrets: list[str] = []
    for provider in PROVIDERS:
        brought = browser.answer(provider, browser.begin(provider)["authorize_url"], user_id="1")
        browser.sandbox.behave(vendor=f"oauth/{provider}", proof="wrong_aud", made_for="other_app")
        browser.back(provider, brought)
        secrets += [brought["code"], brought["state"]]
    said = told_in(caplog) + capfd.readouterr().out
    assert "provider declined" in said
    assert not [secret for secret in secrets if secret in said]
