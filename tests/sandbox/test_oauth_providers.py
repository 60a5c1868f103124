"""The five simulators as a stranger meets them: who they let in, and that a code, a secret and an address must fit."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape
from re import findall
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from jose import jwt

from shared import clock
from tests.fixtures.sandbox import Sandbox

BACK = "http://shop.test/back"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PATHS = {
    "wechat": "/connect/qrconnect",
    "qq": "/oauth2.0/authorize",
    "weibo": "/oauth2/authorize",
    "google": "/o/oauth2/v2/auth",
    "apple": "/auth/authorize",
}
PROVIDERS = tuple(PATHS)


class Client:
    """A client of one provider, written for these tests by the provider's documentation."""

    def __init__(self, sandbox: Sandbox, provider: str) -> None:
        self.sandbox, self.provider = sandbox, provider
        self.app = json.loads(sandbox.secret("oauth"))[provider]

    def address(self, **changes: str | None) -> str:
        asked: dict[str, str | None] = {
            "appid" if self.provider == "wechat" else "client_id": self.app["client_id"],
            "redirect_uri": BACK,
            "response_type": "code",
            "state": "s-1",
        }
        if self.provider == "wechat":
            asked["scope"] = "snsapi_login"
        if self.provider == "google":
            asked |= {"scope": "openid email", "nonce": "n-1", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        if self.provider == "apple":
            asked |= {"scope": "name email", "response_mode": "form_post", "nonce": "n-1"}
        kept = {name: value for name, value in (asked | changes).items() if value is not None}
        return str(httpx.URL(f"{self.sandbox.url}/oauth/{self.provider}{PATHS[self.provider]}", params=kept))

    def code(self, address: str | None = None, **person: Any) -> str:
        told = {"authorize_url": address or self.address(), "user_id": "u-1"} | person
        shown = self.sandbox.control(f"oauth/{self.provider}", "approve", told).raise_for_status().json()
        return str((shown["form"] or dict(parse_qsl(urlsplit(shown["url"]).query)))["code"])

    def exchange(self, code: str, /, **changes: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the token endpoint."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app["client_id"],
            "client_secret": self.secret(),
            "redirect_uri": BACK,
        }
        match self.provider:
            case "wechat":
                asked = {
                    "grant_type": "authorization_code",
                    "code": code,
                    "appid": self.app["client_id"],
                    "secret": self.secret(),
                }
                renamed = {{"client_id": "appid", "client_secret": "secret"}.get(k, k): v for k, v in changes.items()}
                reply = self.get("/sns/oauth2/access_token", asked | renamed)
            case "qq":
                reply = self.get("/oauth2.0/token", asked | {"fmt": "json"} | changes)
            case "weibo":
                reply = self.post("/oauth2/access_token", asked | changes)
            case "google":
                reply = self.post("/token", asked | {"code_verifier": VERIFIER} | changes)
            case _:
                reply = self.post("/auth/token", asked | changes)
        return reply.status_code, reply.json() if reply.content else {}

    def secret(self, **changes: object) -> str:
        """The app's secret; for Apple a JWT made here."""
        if self.provider != "apple":
            return str(self.app["client_secret"])
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.app["team_id"], "sub": self.app["client_id"], "aud": "https://appleid.apple.com", "iat": now, "exp": now + 60,
        } | changes  # fmt: skip
        return str(jwt.encode(claims, self.app["private_key"], "ES256", headers={"kid": self.app["key_id"]}))

    def get(self, path: str, query: dict[str, str]) -> httpx.Response:
        return self.sandbox.http.get(f"/oauth/{self.provider}{path}", params=query)

    def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        return self.sandbox.http.post(f"/oauth/{self.provider}{path}", data=form)


@pytest.fixture(params=PROVIDERS)
def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
    return Client(sandbox, request.param)


def is_error(answer: tuple[int, dict[str, Any]]) -> bool:
    return "access_token" not in answer[1]


def test_a_code_is_exchanged_once(client: Client) -> None:
    code = client.code()
    assert client.exchange(code)[1]["access_token"]
    assert is_error(client.exchange(code))


def test_a_code_grows_old(client: Client, movable_clock: Any) -> None:
    code = client.code()
    movable_clock(minutes=6)
    assert is_error(client.exchange(code))


@pytest.mark.parametrize(
    "change", [{"client_id": "other"}, {"client_secret": "other"}, {"code": "other"}, {"grant_type": "password"}]
)
def test_what_does_not_fit_gets_no_token(client: Client, change: dict[str, str]) -> None:
    code = client.code()
    assert is_error(client.exchange(code, **change))
    assert not is_error(client.exchange(code))


@pytest.mark.parametrize("client", ["qq", "weibo", "google", "apple"], indirect=True)
def test_the_address_must_be_the_one_the_code_was_sent_to(client: Client) -> None:
    assert is_error(client.exchange(client.code(), redirect_uri="http://shop.test/elsewhere"))


@pytest.mark.parametrize("client", ["google"], indirect=True)
def test_google_holds_to_pkce(client: Client) -> None:
    assert client.exchange(client.code(), code_verifier="w" * 43) == (400, {"error": "invalid_grant"})
    assert client.exchange(client.code(), code_verifier="") == (400, {"error": "invalid_grant"})
    without = client.address(code_challenge=None, code_challenge_method=None)
    assert not is_error(client.exchange(client.code(without)))


@pytest.mark.parametrize("client", ["apple"], indirect=True)
def test_apple_reads_its_client_secret_closely(client: Client) -> None:
    for wrong in ({"iss": "x"}, {"sub": "x"}, {"aud": "x"}, {"exp": 1}, {"exp": 99_999_999_999}, {"iat": 99_999_999_999}):
        assert client.exchange(client.code(), client_secret=client.secret(**wrong)) == (400, {"error": "invalid_client"})
    forged = client.secret()[:-4] + "AAAA"
    assert client.exchange(client.code(), client_secret=forged) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize(
    "change",
    [{"response_type": "token"}, {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": "/x"}, {"redirect_uri": None}],
)
def test_the_page_is_not_shown_for_a_wrong_request(client: Client, change: dict[str, str | None]) -> None:
    assert client.sandbox.http.get(client.address(**change)).status_code == 400
    told = {"authorize_url": client.address(**change), "user_id": "u"}
    assert client.sandbox.control(f"oauth/{client.provider}", "approve", told).status_code == 400


def test_nor_for_another_app(client: Client) -> None:
    name = "appid" if client.provider == "wechat" else "client_id"
    assert client.sandbox.http.get(client.address(**{name: "other"})).status_code == 400


@pytest.mark.parametrize("client", ["apple"], indirect=True)
def test_apple_gives_name_and_address_by_form_post_only(client: Client) -> None:
    assert client.sandbox.http.get(client.address(response_mode="query")).status_code == 400
    assert client.sandbox.http.get(client.address(response_mode="query", scope=None)).status_code == 200


def test_a_person_at_the_page_chooses_who_to_be_and_agrees(client: Client) -> None:
    page = client.sandbox.http.get(client.address()).text
    action = findall(r'action="([^"]+)"', page)[0]
    hidden = {name: unescape(value) for name, value in findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)}
    form = hidden | {"user_id": "42", "email": "a@example.com", "email_verified": "true", "name": "Ann", "answer": "allow"}
    reply = client.sandbox.http.post(action, data=form)
    if client.provider == "apple":
        brought = {name: unescape(value) for name, value in findall(r'name="([^"]+)" value="([^"]*)"', reply.text)}
        assert f'action="{BACK}"' in reply.text
    else:
        assert reply.status_code == 302
        assert reply.headers["location"].startswith(BACK + "?")
        brought = dict(parse_qsl(urlsplit(reply.headers["location"]).query))
    assert brought["state"] == "s-1"
    assert not is_error(client.exchange(brought["code"]))


def test_a_person_at_the_page_may_refuse(client: Client) -> None:
    page = client.sandbox.http.get(client.address()).text
    action = findall(r'action="([^"]+)"', page)[0]
    hidden = {name: unescape(value) for name, value in findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)}
    reply = client.sandbox.http.post(action, data=hidden | {"user_id": "", "answer": "deny"})
    said = reply.text if client.provider == "apple" else reply.headers["location"]
    assert "s-1" in said
    assert "code=" not in said.replace("error_code=", "")
    assert 'name="code"' not in said


def test_the_page_is_safe_from_what_it_is_asked(client: Client) -> None:
    page = client.sandbox.http.get(client.address(state='"><script>alert(1)</script>')).text
    assert "<script>alert" not in page


@pytest.mark.parametrize("client", ["apple"], indirect=True)
def test_apple_tells_the_name_the_first_time_only(client: Client) -> None:
    def told() -> dict[str, str]:
        wanted = {"authorize_url": client.address(), "user_id": "first-timer", "name": "Ann Lee", "email": "a@example.com"}
        form: dict[str, str] = client.sandbox.control("oauth/apple", "approve", wanted).json()["form"]
        return form

    assert json.loads(told()["user"]) == {"name": {"firstName": "Ann", "lastName": "Lee"}, "email": "a@example.com"}
    assert "user" not in told()


def test_down_is_down(client: Client) -> None:
    code = client.code()
    client.sandbox.behave(vendor=f"oauth/{client.provider}", gateway="down")
    assert client.exchange(code)[0] == 503
    client.sandbox.behave(vendor=f"oauth/{client.provider}", reset=True)
    assert not is_error(client.exchange(code))


def test_denial_by_switch(client: Client) -> None:
    client.sandbox.behave(vendor=f"oauth/{client.provider}", consent="denied")
    told = {"authorize_url": client.address(), "user_id": "u"}
    shown = client.sandbox.control(f"oauth/{client.provider}", "approve", told).json()
    assert "code" not in (shown["form"] or dict(parse_qsl(urlsplit(shown["url"]).query)))
    reply = client.sandbox.http.get(client.address())
    assert reply.status_code == (200 if client.provider == "apple" else 302)


def test_what_happened_is_written_down_without_secrets(client: Client) -> None:
    code = client.code()
    client.sandbox.http.get(client.address())
    client.exchange(code)
    seen = json.dumps(client.sandbox.requests(vendor=f"oauth/{client.provider}"))
    assert "s-1" in seen
    assert code not in seen
    assert client.provider == "apple" or client.secret() not in seen


@pytest.mark.parametrize("client", ["google", "apple"], indirect=True)
def test_a_standard_library_believes_the_id_token(client: Client) -> None:
    said = client.exchange(client.code(email="a@example.com", email_verified=False))[1]
    path = {"google": "/oauth2/v3/certs", "apple": "/auth/keys"}[client.provider]
    issuer = {"google": "https://accounts.google.com", "apple": "https://appleid.apple.com"}[client.provider]
    claims = jwt.decode(
        said["id_token"],
        client.get(path, {}).json(),
        algorithms=["RS256"],
        audience=client.app["client_id"],
        issuer=issuer,
        access_token=said["access_token"],
    )
    assert (claims["sub"], claims["nonce"], claims["email"], claims["email_verified"]) == (
        "u-1",
        "n-1",
        "a@example.com",
        False,
    )


@pytest.mark.parametrize("client", ["qq"], indirect=True)
def test_qq_without_fmt_speaks_as_it_used_to(client: Client) -> None:
    asked = {
        "grant_type": "authorization_code", "code": client.code(), "client_id": client.app["client_id"],
        "client_secret": client.secret(), "redirect_uri": BACK,
    }  # fmt: skip
    granted = dict(parse_qsl(client.get("/oauth2.0/token", asked).text))
    me = client.get("/oauth2.0/me", {"access_token": granted["access_token"]}).text
    assert me.startswith('callback( {"client_id":')
    assert me.rstrip().endswith(");")


def test_an_unknown_provider_and_an_unknown_switch_are_refused(sandbox: Sandbox) -> None:
    assert sandbox.control("oauth/myspace", "behaviour", {}).status_code == 404
    assert sandbox.control("oauth/myspace", "approve", {}).status_code == 404
    assert sandbox.control("oauth/google", "behaviour", {"proof": "perhaps"}).status_code == 400
    assert sandbox.control("oauth/google", "approve", {"authorize_url": "x"}).status_code == 400
    client = Client(sandbox, "google")
    assert sandbox.control("oauth/google", "approve", {"authorize_url": client.address()}).status_code == 400


def test_the_front_page_lists_all_five_and_who_signed_in(sandbox: Sandbox) -> None:
    Client(sandbox, "weibo").code(user_id="<b>77</b>", name="安")
    page = sandbox.http.get("/").text
    assert all(f"/oauth/{provider}" in page for provider in PROVIDERS)
    assert "weibo &lt;b&gt;77&lt;/b&gt;" in page
