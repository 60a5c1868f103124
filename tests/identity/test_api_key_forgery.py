"""Keys somebody made themselves, bent, or sent where they do not belong."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt

from functions.identity import api_keys, signing, signing_keys
from shared import aws, clock, tokens
from shared.dynamo.sessions import SessionItem, session_key, user_key
from shared.ratelimit import BucketItem
from tests.fixtures.api import Api, Handler
from tests.identity import key_door
from tests.identity.conftest import registration, secret_keys
from tests.identity.key_door import Holder, body, elsewhere

THEIRS = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip


class Ours:
    """A live key and session of Ann's, and our signing key, for somebody who stole what they need."""

    def __init__(self, key: str, pair: dict[str, Any]) -> None:
        [stored] = secret_keys()["keys"]
        self.key, self.pair, self.kid, self.pem = key, pair, stored["kid"], stored["private_pem"]
        self.claims = jwt.get_unverified_claims(key)

    @property
    def public_pem(self) -> bytes:
        """What everybody may know."""
        return bytes(jwk.construct(self.pem, "RS256").public_key().to_pem())


@pytest.fixture
def door(api: Callable[[Handler, str], Api], keys: None) -> Api:
    elsewhere()
    return api(key_door.handler, "platform")


@pytest.fixture
def ours(api: Callable[[Handler, str], Api], auth_api: Api) -> Ours:
    pair = auth_api.post("/auth/register", registration()).data
    desk = api(api_keys.handler, "identity")
    return Ours(desk.post("/api-keys", body("read"), token=pair["access_token"]).data["key"], pair)


def part(data: dict[str, Any] | bytes) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(ours: Ours, *, pem: str = "", kid: str | None = None, **claims: Any) -> str:
    kept = {name: value for name, value in (ours.claims | claims).items() if value is not None}
    token: str = jwt.encode(kept, pem or ours.pem, "RS256", headers={"kid": kid or ours.kid, "jti": ours.claims["jti"]})
    return token


def unsigned(ours: Ours) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': ours.kid})}.{part(ours.claims)}."


def hs256_with_the_public_key(ours: Ours) -> str:
    text = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': ours.kid})}.{part(ours.claims)}"
    return f"{text}.{part(hmac.new(ours.public_pem, text.encode(), hashlib.sha256).digest())}"


def with_other_claims(ours: Ours, **claims: Any) -> str:
    header, _, signature = ours.key.split(".")
    return f"{header}.{part(ours.claims | claims)}.{signature}"


FORGERIES: dict[str, Callable[[Ours], str]] = {
    "no signature": unsigned,
    "HS256 keyed with the public key": hs256_with_the_public_key,
    "signed by a key of their own": lambda ours: signed(ours, pem=THEIRS),
    "a kid nobody published": lambda ours: signed(ours, pem=THEIRS, kid="theirs"),
    "our signature under a kid nobody published": lambda ours: signed(ours, kid="retired"),
    "other scopes under our signature": lambda ours: with_other_claims(ours, scopes=["read", "write", "trade"]),
    "another user under our signature": lambda ours: with_other_claims(ours, sub="1"),
    "a later end under our signature": lambda ours: with_other_claims(ours, exp=2**40),
    "signed anew with other scopes": lambda ours: signed(ours, scopes=["read", "write"]),
    "another issuer": lambda ours: signed(ours, iss="https://elsewhere.test/api/v1"),
    "another issuer and no item": lambda ours: signed(ours, iss="https://elsewhere.test/api/v1", jti="0" * 32),
    "no issuer": lambda ours: signed(ours, iss=None),
    "no user": lambda ours: signed(ours, sub=None),
    "no jti": lambda ours: signed(ours, jti=None),
    "no end": lambda ours: signed(ours, exp=None),
    "another kind": lambda ours: signed(ours, typ="user"),
    "the session's id for a jti": lambda ours: signed(ours, jti=ours.pair["session_id"]),
    "the session's id for a jti, under a kid nobody published": lambda ours: signed(
        ours, kid="x", jti=ours.pair["session_id"]
    ),
    "an access token": lambda ours: ours.pair["access_token"],
    "a refresh token": lambda ours: ours.pair["refresh_token"],
    "one character less": lambda ours: ours.key[:-1],
    "a longer one": lambda ours: ours.key + "A" * 4000,
    "not a token": lambda _ours: "x.y.z",
    "empty parts": lambda _ours: "..",
    "a word": lambda _ours: "secret",
    "a number that is none": lambda ours: with_other_claims(ours, sub="1e400", exp="soon"),
    "an endless number": lambda ours: with_other_claims(ours, exp=float("inf")),
    "a list of claims": lambda ours: f"{part({'alg': 'RS256', 'kid': ours.kid})}.{part(b'[]')}.AA",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_key_opens_nothing_and_all_are_refused_alike(door: Api, ours: Ours, forgery: str) -> None:
    assert Holder(door, ours.key).get().status == 200
    for _ in range(2):
        refused = Holder(door, FORGERIES[forgery](ours)).get()
        assert refused.error == (401, "unauthenticated")
        assert (refused.json["details"], refused.json["message"]) == (None, "Please sign in")
        elsewhere()
    assert Holder(door, ours.key).get().status == 200, "and harms nobody"


def test_a_key_is_no_bearer_token(door: Api, ours: Ours) -> None:
    assert door.get("/things", token=ours.key).error == (401, "unauthenticated")
    as_session = signed(ours, sid=ours.claims["jti"], perms_v=0)
    assert door.get("/things", token=as_session).error == (401, "unauthenticated")
    assert door.get("/things", token=signed(ours, sid=ours.claims["jti"], typ="user")).error == (401, "unauthenticated")
    assert door.get("/things", headers={"authorization": f"ApiKey {ours.key}"}).error == (401, "unauthenticated")


def test_a_key_signed_by_us_that_has_no_item_is_revoked(door: Api, ours: Ours) -> None:
    assert Holder(door, signed(ours, jti="0" * 32)).get().error == (401, "token_revoked")
    assert Holder(door, signed(ours, sub="1")).get().error == (401, "token_revoked")


def test_a_key_outlives_the_signing_key_that_made_it(door: Api, ours: Ours) -> None:
    stored = secret_keys()
    stored["keys"] = [signing_keys._new_key(clock.now() + timedelta(days=91))]
    stored["active"] = stored["keys"][0]["kid"]
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/signing-keys", SecretString=json.dumps(stored))
    signing.forget_key()
    signing_keys.ensure()
    tokens.forget_keys()
    elsewhere()
    assert tokens.public_key(ours.kid) is None
    assert Holder(door, ours.key).get().status == 200
    for bent in (ours.key[:-4] + "AAAA", signed(ours, scopes=["write"]), signed(ours, pem=THEIRS)):
        assert Holder(door, bent).get().error == (401, "unauthenticated")
    with clock.frozen(datetime.fromtimestamp(ours.claims["exp"], UTC)):
        assert Holder(door, ours.key).get().status == 401
        elsewhere()
        item = SessionItem.get(user_key(int(ours.claims["sub"])), session_key(ours.claims["jti"]))
        item.update([SessionItem.ttl.set(ours.claims["exp"] + 60)])
        assert Holder(door, ours.key).get().error == (401, "token_expired")
    item.delete()
    elsewhere()
    assert Holder(door, ours.key).get().error == (401, "unauthenticated")


def test_who_tries_keys_is_counted_by_address(door: Api, ours: Ours) -> None:
    refused = Holder(door, unsigned(ours)).get()
    assert int(refused.headers["x-ratelimit-limit"]) == 300 * 100
    assert BucketItem.get("RL#ip#203.0.113.7", "TAT").tat > 0
