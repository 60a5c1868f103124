"""Access tokens and API keys: RS256, by the active key of the secret `signing-keys`, which only those who sign may read.

The secret is `{"active": kid, "keys": [{"kid", "private_pem", "created_at"}]}`; the public halves of all its keys are
published as JwksItem, so that a token of the key before still verifies until it expires.
"""

import json
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from jose import jwk, jwt

from functions.identity.models import Person
from shared import aws, clock, tokens
from shared.api_keys import KIND
from shared.ids import new_ulid
from shared.settings import Settings

ALGORITHM = "RS256"
_FRESH_SECONDS = 300
_active: list[tuple[float, str, Any]] = []


def access_token(person: Person, session_id: str, kind: str, seconds: int) -> str:
    """A signed token with the claims of rules.md §3, valid for `seconds`."""
    kid, key = _signing_key()
    issued = int(clock.now().timestamp())
    claims = {
        "iss": tokens.issuer(Settings.load().public_url),
        "sub": str(person.uid),
        "sid": session_id,
        "roles": person.roles,
        "typ": kind,
        "perms_v": person.token_epoch,
        "iat": issued,
        "exp": issued + seconds,
        "jti": new_ulid(),
    }
    return str(jwt.encode(claims, key, ALGORITHM, headers={"kid": kid}))


def api_key(uid: int, jti: str, scopes: Sequence[str], *, issued: int, expires: int) -> str:
    """A signed API key; times in epoch seconds. The jti stands in the header too, so that keys differ where they begin."""
    kid, key = _signing_key()
    claims = {
        "iss": tokens.issuer(Settings.load().public_url),
        "sub": str(uid),
        "typ": KIND,
        "jti": jti,
        "scopes": list(scopes),
        "iat": issued,
        "exp": expires,
    }
    return str(jwt.encode(claims, key, ALGORITHM, headers={"kid": kid, "jti": jti}))


def stored_keys() -> dict[str, Any]:
    """The secret's content."""
    text = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_SIGNING_KEYS"])["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=4)
def parsed(pem: str) -> Any:
    """A private key ready to sign with; checking that its numbers make a key takes 25 ms of a core."""
    return jwk.construct(pem, ALGORITHM)


def _signing_key() -> tuple[str, Any]:
    """The active key, parsed; looked up again every 5 minutes, so that a rotation reaches every environment."""
    if not _active or time.monotonic() - _active[0][0] > _FRESH_SECONDS:
        stored = stored_keys()
        pem = next(key["private_pem"] for key in stored["keys"] if key["kid"] == stored["active"])
        _active[:] = [(time.monotonic(), stored["active"], parsed(pem))]
    _, kid, key = _active[0]
    return kid, key


def forget_key() -> None:
    """Read the secret again at the next use (tests)."""
    _active.clear()
