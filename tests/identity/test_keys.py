import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import keyed, prepare_keys
from shared import aws
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, forget_keys, secret_keys


@pytest.fixture
def bare(cloud: None, house: House) -> Any:
    """An account before its first deployment."""
    forget_keys()
    yield
    forget_keys()


def prepare(house: House) -> dict[str, Any]:
    with house.acting("identity"):
        return prepare_keys.handler({}, CONTEXT)


def set_secret(name: str, content: dict[str, Any]) -> None:
    aws.client("secretsmanager").put_secret_value(SecretId=f"sharestack/test/{name}", SecretString=json.dumps(content))


def test_the_first_deployment_makes_the_keys_and_the_next_ones_keep_them(bare: None, house: House) -> None:
    assert prepare(house) == {"hash_key": True, "signing_key": True, "operator": False}
    first, hashed = secret_keys(), keyed.digest("test", "x")
    forget_keys()
    assert prepare(house) == {"hash_key": False, "signing_key": False, "operator": False}
    assert secret_keys() == first
    assert keyed.digest("test", "x") == hashed


def test_a_keyed_hash_depends_on_key_purpose_and_text(bare: None) -> None:
    keyed.ensure_key()
    assert len({keyed.digest("a", "x"), keyed.digest("b", "x"), keyed.digest("a", "y")}) == 3


def test_the_public_keys_are_published_without_their_private_halves(api_of_self: Api) -> None:
    reply = api_of_self.get("/.well-known/jwks.json")
    (key,) = reply.json["keys"]
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key["kty"], key["use"], key["alg"], key["kid"]) == ("RSA", "sig", "RS256", secret_keys()["active"])


def test_before_the_first_deployment_there_are_no_keys_to_publish(api: Callable[..., Api], bare: None) -> None:
    from functions.identity import http

    assert api(http.handler, "identity").get("/.well-known/jwks.json").error == (503, "service_degraded")


def test_the_issuer_says_where_the_keys_are(api_of_self: Api) -> None:
    assert api_of_self.get("/.well-known/openid-configuration").json == {
        "issuer": "http://house.test/api/v1",
        "jwks_uri": "http://house.test/api/v1/.well-known/jwks.json",
        "token_endpoint": "http://house.test/api/v1/auth/login",
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    }


def test_the_bootstrap_secret_makes_the_first_super_admin_once(auth_api: Api, house: House) -> None:
    wanted = {"email": "Root@Example.com", "password": "correct horse 1"}
    set_secret("bootstrap-admin", wanted)
    assert prepare(house)["operator"] is True
    assert prepare(house)["operator"] is False
    admin = auth_api.post("/admin/auth/login", wanted).data["admin"]
    assert (admin["role"], admin["permissions"], admin["email"]) == ("super_admin", ["*"], "root@example.com")
    set_secret("bootstrap-admin", wanted | {"email": "mallory@example.com"})
    assert prepare(house)["operator"] is False


def test_the_bootstrap_secret_may_bring_the_second_factor(auth_api: Api, house: House) -> None:
    wanted = {"email": "root@example.com", "password": "correct horse 1"}
    set_secret("bootstrap-admin", wanted | {"totp_secret": "JBSWY3DPEHPK3PXP"})
    prepare(house)
    assert auth_api.post("/admin/auth/login", wanted).error == (401, "totp_required")


def test_an_account_that_exists_is_appointed_with_its_own_password(
    auth_api: Api, register: Callable[..., dict[str, Any]], house: House
) -> None:
    uid = register()["user"]["user_id"]
    set_secret("bootstrap-admin", {"email": "ann@example.com", "password": "of the secret 1"})
    assert prepare(house)["operator"] is True
    assert house.sql("SELECT user_id, role FROM admin.admins") == [(uid, "super_admin")]
    body = {"email": "ann@example.com", "password": "of the secret 1"}
    assert auth_api.post("/admin/auth/login", body).error == (401, "invalid_credentials")
