"""The signing keys and their succession. Two are live while one follows another.

The secret `signing-keys` is `{"active": kid, "keys": [{"kid", "private_pem", "created_at", "published_at"?,
"retired_at"?}]}`; the public halves of all its keys are published as JwksItem. `rotate` is called every few minutes and
takes the one step that is due:

1. 90 days after the active key was made, a next one is made and published. Nobody signs with it yet.
2. Once it has been published for ten minutes, longer than any verifier keeps keys, it becomes active.
3. Once the last token of the one before has expired everywhere, that one is dropped from both.

Each step is one write of the secret, and what is published always follows from the secret: killed anywhere, the next run
goes on. A key that is found missing from what is published starts its ten minutes anew.
"""

import json
import os
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pynamodb.exceptions import DoesNotExist

from functions.identity import signing
from shared import aws, clock, observe
from shared.dynamo.sessions import JwksItem

LIFE = timedelta(days=90)
VERIFIERS_KEEP = timedelta(minutes=10)
"""Twice the five minutes after which every verifier fetches the keys again (shared/tokens.py)."""
SIGNERS_KEEP = timedelta(minutes=10)
"""Twice the five minutes after which every signer reads the secret again (signing.py)."""
_SKEW = timedelta(minutes=2)
_BITS = 2048


def ensure() -> bool:
    """Make the first key unless there is one, and publish the public halves of all; True when one was made."""
    stored = signing.stored_keys()
    is_first = not stored.get("keys")
    if is_first:
        key = _new_key(clock.now())
        stored = {"active": key["kid"], "keys": [key]}
        _store(stored)
    _publish(stored)
    return is_first


def rotate(token_life: timedelta) -> int:
    """Take the step that is due; how many were taken. `token_life` is the longest an access token may live."""
    stored, now = signing.stored_keys(), clock.now()
    if not stored.get("keys"):
        return 0
    if not _is_published(stored):
        _publish(stored)
        _restart_waiting(stored, now)
        return 1
    keys = {key["kid"]: key for key in stored["keys"]}
    active = keys[stored["active"]]
    following = next((key for key in stored["keys"] if key["kid"] != active["kid"] and "retired_at" not in key), None)
    retired = [key for key in stored["keys"] if "retired_at" in key and key["kid"] != active["kid"]]
    over = [key for key in retired if _at(key["retired_at"]) + SIGNERS_KEEP + token_life + _SKEW <= now]
    if over:
        stored["keys"] = [key for key in stored["keys"] if key not in over]
        step = "signing key dropped"
    elif following and "published_at" not in following:
        following["published_at"] = clock.rfc3339(now)
        step = "signing key published"
    elif following and _at(following["published_at"]) + VERIFIERS_KEEP <= now:
        stored["active"], active["retired_at"] = following["kid"], clock.rfc3339(now)
        step = "signing key active"
    elif following is None and not retired and _at(active["created_at"]) + LIFE <= now:
        stored["keys"].append(_new_key(now))
        step = "signing key made"
    else:
        return 0
    _store(stored)
    _publish(stored)
    observe.info(step, active=stored["active"], keys=[key["kid"] for key in stored["keys"]])
    return 1


def _restart_waiting(stored: dict[str, Any], now: datetime) -> None:
    """Something was not published as it should have been: a key that waits to become active waits anew."""
    waiting = [key for key in stored["keys"] if key["kid"] != stored["active"] and "retired_at" not in key]
    for key in waiting:
        key["published_at"] = clock.rfc3339(now)
    if waiting:
        _store(stored)


def _is_published(stored: dict[str, Any]) -> bool:
    """Whether the keys of the secret, and no others, are published; by their ids, for parsing keys takes long."""
    try:
        published = json.loads(JwksItem.get("JWKS", "JWKS", consistent_read=True).jwks)
    except DoesNotExist:
        return False
    return [key["kid"] for key in published["keys"]] == [key["kid"] for key in stored["keys"]]


def _publish(stored: dict[str, Any]) -> None:
    JwksItem("JWKS", "JWKS", jwks=json.dumps({"keys": [_public(key) for key in stored["keys"]]})).save()


def _store(stored: dict[str, Any]) -> None:
    aws.client("secretsmanager").put_secret_value(
        SecretId=os.environ["SECRET_SIGNING_KEYS"], SecretString=json.dumps(stored)
    )


def _new_key(now: datetime) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"kid": f"{now:%Y%m%d%H%M%S}", "private_pem": pem, "created_at": clock.rfc3339(now)}


def _public(key: dict[str, str]) -> dict[str, str]:
    """The public half of a stored key, as RFC 7517 has it."""
    public = signing.parsed(key["private_pem"]).public_key().to_dict()
    return {"kty": "RSA", "use": "sig", "alg": signing.ALGORITHM, "kid": key["kid"], "n": public["n"], "e": public["e"]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
