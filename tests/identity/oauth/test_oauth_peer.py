"""id_tokens made by oauth2-mock-server, which shares no line with us, for the whole way and for the verifier alone."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from functions.identity.gateways.apple import AppleConfig, AppleGateway
from functions.identity.gateways.google import ISSUERS
from functions.identity.gateways.id_tokens import COOLDOWN_SECONDS, FRESH_SECONDS, IdTokens
from functions.identity.gateways.oauth_base import Away, Declined, Wire
from functions.identity.providers import Journey, Return
from tests.fixtures.api import Reply
from tests.fixtures.postgres import House
from tests.identity.oauth.conftest import Browser, configure, query_of

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "infra/node_modules/oauth2-mock-server/dist/index.mjs"
ISSUER = {"google": "https://accounts.google.com", "apple": "https://appleid.apple.com"}
SUBJECT = "johndoe"
"""The one person this server knows."""


@dataclass
class Peer:
    """The server, and the way to wish for tokens."""

    process: "subprocess.Popen[str]"
    url: str

    def wish(self, **wanted: Any) -> None:
        """How tokens shall be from now on: `claims`, `header`, `drop`, `forge`, `body`."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def come_back(self, address: str) -> dict[str, str]:
        """Let the browser through its authorize page, which asks nobody."""
        reply = httpx.get(address, trust_env=False)
        assert reply.status_code == httpx.codes.FOUND, reply.text
        return dict(parse_qsl(urlsplit(reply.headers["location"]).query))

    def token(self, nonce: str = "n-1", client_id: str = "client-1") -> tuple[str, str]:
        """An id_token for that nonce, and the access token beside it."""
        query = {"response_type": "code", "client_id": client_id, "redirect_uri": "http://x.test/", "state": "s"}
        code = self.come_back(str(httpx.URL(f"{self.url}/authorize", params=query | {"nonce": nonce})))["code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
        said = httpx.post(f"{self.url}/token", data=form, trust_env=False).json()
        return said["id_token"], said["access_token"]


def start(issuer: str) -> Iterator[Peer]:
    command = [str(ROOT / ".venv/bin/node"), str(Path(__file__).with_name("peer.mjs")), str(MODULE), issuer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, "the peer did not start"
        yield Peer(process, url)
        process.terminate()


@pytest.fixture(scope="module")
def google_server() -> Iterator[Peer]:
    yield from start(ISSUER["google"])


@pytest.fixture(scope="module")
def apple_server() -> Iterator[Peer]:
    yield from start(ISSUER["apple"])


@pytest.fixture
def google(google_server: Peer) -> Peer:
    google_server.wish()
    return google_server


class Google:
    """The whole way with Google, played by the peer."""

    def __init__(self, browser: Browser, peer: Peer, providers: dict[str, Any]) -> None:
        self.browser, self.peer = browser, peer
        urls = {"authorize_url": f"{peer.url}/authorize", "token_url": f"{peer.url}/token", "jwks_url": f"{peer.url}/jwks"}
        configure({"google": providers["google"] | urls})

    def sign_in(self) -> Reply:
        return self.browser.back("google", self.peer.come_back(self.browser.begin("google")["authorize_url"]))


@pytest.fixture
def whole(browser: Browser, google: Peer, providers: dict[str, Any]) -> Google:
    return Google(browser, google, providers)


def test_a_stranger_to_our_code_signs_people_in_pkce_and_nonce_included(whole: Google, house: House) -> None:
    whole.peer.wish(claims={"email": "john@example.com", "email_verified": True, "name": "John Doe"})
    first = whole.sign_in().data
    assert (first["is_new_user"], first["user"]["email"]) == (True, "john@example.com")
    assert first["user"]["display_name"] == "John Doe"
    assert house.sql("SELECT google_id FROM identity.users") == [(SUBJECT,)]
    assert whole.sign_in().data["is_new_user"] is False


def test_the_peer_holds_us_to_pkce(whole: Google, house: House) -> None:
    brought = whole.peer.come_back(whole.browser.begin("google")["authorize_url"])
    other = whole.browser.begin("google")["state"]
    reply = whole.browser.back("google", brought | {"state": other})
    assert reply.error == (502, "oauth_provider_error")
    assert house.sql("SELECT 1 FROM identity.users") == []


def test_a_code_of_another_journey_fails_on_its_nonce(whole: Google, house: House) -> None:
    """Somebody else's code, injected into one's own return: PKCE aside, the nonce does not fit."""
    injected = query_of(whole.browser.begin("google")["authorize_url"]) | {"nonce": "another"}
    brought = whole.peer.come_back(str(httpx.URL(f"{whole.peer.url}/authorize", params=injected)))
    reply = whole.browser.back("google", brought)
    assert reply.json["details"] == {"provider": "google", "reason": "id_token_invalid", "provider_code": "nonce"}
    assert house.sql("SELECT 1 FROM identity.users") == []


def test_apple_played_by_the_peer_signs_people_in(
    browser: Browser, apple_server: Peer, providers: dict[str, Any], house: House
) -> None:
    """The peer has other paths than Apple, so the gateway is led there call by call."""
    gateway = AppleGateway(AppleConfig.model_validate(providers["apple"]))
    gateway._wire = Rerouted(apple_server.url)
    gateway._id_tokens = IdTokens(
        Wire(), f"{apple_server.url}/jwks", frozenset({ISSUER["apple"]}), gateway._config.client_id
    )
    journey = Journey("s", "apple", "login", "http://x.test/", "v", "n-1", None, None, "203.0.113.7")
    apple_server.wish(claims={"email": "john@example.com", "email_verified": "true"})
    query = query_of(gateway.authorize_url(journey))
    code = apple_server.come_back(str(httpx.URL(f"{apple_server.url}/authorize", params=query)))["code"]
    account = gateway.identify(journey, Return("s", code, '{"name": {"firstName": "John", "lastName": "Doe"}}'))
    assert (account.subject, account.email, account.name) == (SUBJECT, "john@example.com", "John Doe")
    apple_server.wish(claims={"iss": ISSUER["google"]})
    code = apple_server.come_back(str(httpx.URL(f"{apple_server.url}/authorize", params=query)))["code"]
    with pytest.raises(Declined) as declined:
        gateway.identify(journey, Return("s", code))
    assert declined.value.vendor_code == "iss"


class Rerouted(Wire):
    """Apple's token endpoint, elsewhere."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def post(self, url: str, form: dict[str, str]) -> Any:
        assert url.endswith("/auth/token")
        return super().post(f"{self._base}/token", form)


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def verifier(google: Peer, time: Time) -> IdTokens:
    return IdTokens(Wire(), f"{google.url}/jwks", ISSUERS, "client-1", now=time)


def verdict(verifier: IdTokens, peer: Peer, *, nonce: str = "n-1", client_id: str = "client-1") -> str:
    token, access = peer.token(nonce, client_id)
    try:
        claims = verifier.claims(token, nonce="n-1", access_token=access)
    except Declined as declined:
        return str(declined.vendor_code) if declined.reason == "id_token_invalid" else declined.reason
    return str(claims["sub"])


NOW = 1_900_000_000


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({}, SUBJECT),
        ({"claims": {"iss": "accounts.google.com"}}, SUBJECT),
        ({"claims": {"aud": ["client-1"]}}, SUBJECT),
        ({"claims": {"azp": "client-1"}}, SUBJECT),
        ({"claims": {"aud": "client-2"}}, "aud"),
        ({"claims": {"aud": ["client-1", "client-2"]}}, "aud"),
        ({"claims": {"aud": []}}, "aud"),
        ({"claims": {"aud": {"client-1": True}}}, "aud"),
        ({"claims": {"azp": "client-2"}}, "aud"),
        ({"drop": ["aud"]}, "aud"),
        ({"claims": {"iss": "https://accounts.google.com.evil.example"}}, "iss"),
        ({"claims": {"iss": "https://appleid.apple.com"}}, "iss"),
        ({"drop": ["iss"]}, "iss"),
        ({"claims": {"exp": 1}}, "exp"),
        ({"claims": {"exp": str(NOW)}}, "exp"),
        ({"claims": {"exp": True}}, "exp"),
        ({"drop": ["exp"]}, "exp"),
        ({"claims": {"iat": NOW * 2, "exp": NOW * 3}}, "iat"),
        ({"drop": ["iat"]}, "iat"),
        ({"claims": {"nonce": "n-2"}}, "nonce"),
        ({"drop": ["nonce"]}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "signature"),
        ({"forge": "none"}, "alg"),
        ({"forge": "HS256"}, "alg"),
        ({"forge": "ES256"}, "alg"),
        ({"forge": "RS512"}, "alg"),
        ({"forge": "RS256"}, SUBJECT),
        ({"forge": "body"}, "signature"),
        ({"forge": "stranger"}, "signature"),
        ({"header": {"kid": "peer-9"}}, "kid"),
        ({"header": {"kid": "peer-RS512"}}, "kid"),
        ({"header": {"kid": "peer-ES256"}}, "kid"),
        ({"header": {"kid": ""}}, "kid"),
    ],
    ids=str,
)
def test_the_verifier_believes_what_it_should_and_nothing_else(
    verifier: IdTokens, google: Peer, wish: dict[str, Any], said: str
) -> None:
    google.wish(**wish)
    assert verdict(verifier, google) == said


def test_a_token_for_another_app_of_the_same_issuer_is_not_ours(verifier: IdTokens, google: Peer) -> None:
    assert verdict(verifier, google, client_id="client-2") == "aud"


@pytest.mark.parametrize("token", ["", "a.b.c", "e30.e30.", "....", "x" * 10_000])
def test_what_is_no_token_is_none(verifier: IdTokens, token: str) -> None:
    with pytest.raises(Declined):
        verifier.claims(token, nonce="n", access_token="a")


def test_an_unknown_key_is_looked_for_again_but_not_in_every_breath(google: Peer, time: Time) -> None:
    wire = Counting()
    verifier = IdTokens(wire, f"{google.url}/jwks", ISSUERS, "client-1", now=time)
    assert verdict(verifier, google) == SUBJECT
    google.wish(header={"kid": "peer-9"})
    assert [verdict(verifier, google) for _ in range(3)] == ["kid"] * 3
    assert wire.asked == 1
    time.seconds += COOLDOWN_SECONDS + 1
    assert [verdict(verifier, google) for _ in range(3)] == ["kid"] * 3
    assert wire.asked == 2
    google.wish()
    assert verdict(verifier, google) == SUBJECT
    assert wire.asked == 2
    time.seconds += FRESH_SECONDS + 1
    assert verdict(verifier, google) == SUBJECT
    assert wire.asked == 3


class Counting(Wire):
    asked = 0

    def get(self, url: str, query: dict[str, str] | None = None) -> Any:
        self.asked += 1
        return super().get(url, query)


def test_without_the_keys_nobody_is_believed(google: Peer) -> None:
    token, access = google.token()
    for url in (f"{google.url}/nothing-here", "http://127.0.0.1:9/jwks", f"{google.url}/.well-known/openid-configuration"):
        with pytest.raises(Away):
            IdTokens(Wire(), url, ISSUERS, "client-1").claims(token, nonce="n-1", access_token=access)
