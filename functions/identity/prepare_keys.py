"""Runs at every deployment: makes what identity cannot start without, once. The signing key, the hash key, the first operator."""

import json
import os
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk

from functions.identity import keyed, signing
from functions.identity.service import staff
from shared import aws, clock, observe
from shared.dynamo.sessions import JwksItem
from shared.sql.edge import unit_of_work

_BITS = 2048


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Prepare; repeating it changes nothing."""
    observe.bind(task="identity.prepare_keys", request_id=getattr(context, "aws_request_id", None))
    made = {
        "hash_key": keyed.ensure_key(),
        "signing_key": ensure_signing_keys(),
        "operator": ensure_operator(),
    }
    observe.info("identity prepared", **made)
    return made


def ensure_signing_keys() -> bool:
    """Make the first signing key unless there is one, and publish the public halves of all; True when one was made."""
    stored = signing.stored_keys()
    is_first = not stored.get("keys")
    if is_first:
        kid = f"{clock.now():%Y%m%d%H%M%S}"
        stored = {
            "active": kid,
            "keys": [{"kid": kid, "private_pem": _new_pem(), "created_at": clock.rfc3339(clock.now())}],
        }
        aws.client("secretsmanager").put_secret_value(
            SecretId=os.environ["SECRET_SIGNING_KEYS"], SecretString=json.dumps(stored)
        )
    JwksItem("JWKS", "JWKS", jwks=json.dumps({"keys": [_public(key) for key in stored["keys"]]})).save()
    return is_first


def ensure_operator() -> bool:
    """Make the first super admin from the secret `bootstrap-admin`, if it names one; True when one was made."""
    secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_BOOTSTRAP_ADMIN"])["SecretString"]
    with unit_of_work() as db:
        return staff.bootstrap(db, json.loads(secret))


def _new_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(key: dict[str, str]) -> dict[str, str]:
    """The public half of a stored key, as RFC 7517 has it."""
    public = jwk.construct(key["private_pem"], signing.ALGORITHM).public_key().to_dict()
    return {"kty": "RSA", "use": "sig", "alg": signing.ALGORITHM, "kid": key["kid"], "n": public["n"], "e": public["e"]}
