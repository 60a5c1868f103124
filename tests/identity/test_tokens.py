"""Tokens somebody made themselves."""

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

from functions.identity.store import sessions as store
from shared import clock
from tests.fixtures.api import Api
from tests.identity.conftest import secret_keys

NOW = datetime(2027, 1, 1, tzinfo=UTC)
THEIRS = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip


class Ours:
    """The signing key and the claims of a live session, for somebody who stole what they need."""

    def __init__(self, token: str) -> None:
        (key,) = secret_keys()["keys"]
        self.kid, self.pem = key["kid"], key["private_pem"]
        self.claims = jwt.get_unverified_claims(token)

    @property
    def public_pem(self) -> bytes:
        return bytes(jwk.construct(self.pem, "RS256").public_key().to_pem())


def encoded(data: dict[str, Any] | bytes) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rs256(ours: Ours, *, pem: str = "", kid: str | None = None, **claims: Any) -> str:
    kept = {name: value for name, value in (ours.claims | claims).items() if value is not None}
    token: str = jwt.encode(kept, pem or ours.pem, "RS256", headers={"kid": kid or ours.kid})
    return token


def unsigned(ours: Ours) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': ours.kid})}.{encoded(ours.claims)}."


def hs256_with_the_public_key(ours: Ours) -> str:
    body = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': ours.kid})}.{encoded(ours.claims)}"
    return f"{body}.{encoded(hmac.new(ours.public_pem, body.encode(), hashlib.sha256).digest())}"


def with_other_claims(ours: Ours) -> str:
    header, _, signature = rs256(ours).split(".")
    return f"{header}.{encoded(ours.claims | {'sub': '1', 'typ': 'staff'})}.{signature}"


def headed(ours: Ours, **header: Any) -> str:
    """Signed by their own key, with whatever a header may hold."""
    body = f"{encoded({'alg': 'RS256', 'typ': 'JWT'} | header)}.{encoded(ours.claims)}"
    signature = jwk.construct(THEIRS, "RS256").sign(body.encode())
    return f"{body}.{encoded(signature)}"


def with_header(ours: Ours, **header: Any) -> str:
    _, claims, signature = rs256(ours).split(".")
    return f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': ours.kid} | header)}.{claims}.{signature}"


FORGERIES: dict[str, Callable[[Ours], str]] = {
    "no signature": unsigned,
    "HS256 keyed with the public key": hs256_with_the_public_key,
    "signed by a key of their own": lambda ours: rs256(ours, pem=THEIRS),
    "a kid nobody published": lambda ours: rs256(ours, kid="theirs"),
    "other claims under our signature": with_other_claims,
    "another issuer": lambda ours: rs256(ours, iss="https://elsewhere.test/api/v1"),
    "no issuer": lambda ours: rs256(ours, iss=None),
    "no subject": lambda ours: rs256(ours, sub=None),
    "no session": lambda ours: rs256(ours, sid=None),
    "no end": lambda ours: rs256(ours, exp=None),
    "from the future": lambda ours: rs256(ours, iat=int((NOW + timedelta(hours=1)).timestamp())),
    "no kind": lambda ours: rs256(ours, typ=None),
    "an operator's kind in a user's session": lambda ours: rs256(
        ours, typ="staff", roles=["super_admin"], permissions=["*"]
    ),
    "an API key's kind": lambda ours: rs256(ours, typ="api_key"),
    "an end beyond all numbers": lambda ours: rs256(ours, exp=float("inf")),
    "a subject that is a list": lambda ours: rs256(ours, sub=["1"]),
    "a permission version that is none": lambda ours: rs256(ours, perms_v="x"),
    "a kid that is a path": lambda ours: rs256(ours, pem=THEIRS, kid="../../../../dev/null"),
    "a kid that is SQL": lambda ours: rs256(ours, pem=THEIRS, kid="x' UNION SELECT 'key"),
    "a kid that is a number": lambda ours: headed(ours, kid=0),
    "a kid that is a list": lambda ours: headed(ours, kid=[ours.kid]),
    "no kid": headed,
    "a key of their own in the header": lambda ours: headed(
        ours, kid="theirs", jwk=jwk.construct(THEIRS, "RS256").public_key().to_dict()
    ),
    "an address of their keys in the header": lambda ours: headed(
        ours, kid="theirs", jku="https://elsewhere.test/jwks.json"
    ),
    "an algorithm in other letters": lambda ours: rs256(ours).replace(
        rs256(ours).split(".")[0], encoded({"alg": "rs256", "kid": ours.kid})
    ),
    "our signature for another algorithm": lambda ours: with_header(ours, alg="PS256"),
    "no signature in other letters": lambda ours: f"{encoded({'alg': 'nOnE', 'kid': ours.kid})}.{encoded(ours.claims)}.",
    "our signature of other bytes behind it": lambda ours: rs256(ours) + "AA",
    "not a token": lambda _ours: "x.y.z",
    "empty parts": lambda _ours: "..",
}


@pytest.fixture
def ours(register: Callable[..., dict[str, Any]]) -> Ours:
    with clock.frozen(NOW):
        return Ours(register()["access_token"])


def test_our_own_signature_is_believed(api_of_self: Api, ours: Ours) -> None:
    with clock.frozen(NOW):
        assert api_of_self.get("/users/profile", token=rs256(ours)).status == 200


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_not_believed(api_of_self: Api, ours: Ours, forgery: str) -> None:
    with clock.frozen(NOW):
        assert api_of_self.get("/users/profile", token=FORGERIES[forgery](ours)).error == (401, "unauthenticated")


def test_an_expired_token_says_so(api_of_self: Api, ours: Ours) -> None:
    with clock.frozen(NOW + timedelta(minutes=15)):
        assert api_of_self.get("/users/profile", token=rs256(ours)).error == (401, "token_expired")


def test_a_signed_token_of_no_session_is_revoked(api_of_self: Api, ours: Ours) -> None:
    with clock.frozen(NOW):
        assert api_of_self.get("/users/profile", token=rs256(ours, sub="1")).error == (401, "token_revoked")
        assert api_of_self.get("/users/profile", token=rs256(ours, sid="x")).error == (401, "token_revoked")


def test_claims_give_no_role_that_the_session_does_not_have(api_of_self: Api, ours: Ours) -> None:
    with clock.frozen(NOW):
        token = rs256(ours, roles=["super_admin"], permissions=["*"])
        assert api_of_self.get("/admin/verifications", token=token).error == (403, "permission_denied")


def test_a_token_below_what_its_session_asks_for_must_be_refreshed(api_of_self: Api, ours: Ours) -> None:
    uid, session_id = int(ours.claims["sub"]), ours.claims["sid"]
    item = store.find(uid, session_id)
    assert item is not None
    store.follow_staff(item, ["user"], [], ours.claims["perms_v"] + 1)
    with clock.frozen(NOW):
        assert api_of_self.get("/users/profile", token=rs256(ours)).error == (401, "token_expired")
        assert api_of_self.get("/users/profile", token=rs256(ours, perms_v=ours.claims["perms_v"] + 1)).status == 200
