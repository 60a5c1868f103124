"""Keyed hashes (HMAC-SHA256): what must be compared but never read back, under a key that is not in the database.

The key is one random value, made at the first deployment and kept wrapped by KMS in the identity table. It is never
rotated: hashes of id numbers and refresh tokens made with it would no longer be found.
"""

import hashlib
import hmac
import secrets
from functools import cache
from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError

from shared import crypto
from shared.dynamo.base import Item, condition_failed, meta

_NAME = "HASHKEY"
_CONTEXT = {"table": "identity", "item": _NAME}


class HashKeyItem(Item):
    """pk and sk `HASHKEY`; `wrapped` is the key under envelope encryption."""

    Meta = meta("identity")

    wrapped: ClassVar[UnicodeAttribute] = UnicodeAttribute()


def digest(purpose: str, text: str) -> str:
    """The hash of a text for one purpose, in hex; the same text for another purpose has another hash."""
    return hmac.new(_key(), f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def ensure_key() -> bool:
    """Make the key unless there is one; True when it was made now. Two deployments at once agree on one."""
    item = HashKeyItem(_NAME, _NAME, wrapped=crypto.encrypt(secrets.token_hex(32), _CONTEXT))
    try:
        item.save(condition=HashKeyItem.pk.does_not_exist())
    except PutError as error:
        if not condition_failed(error):
            raise
        return False
    return True


@cache
def _key() -> bytes:
    return crypto.decrypt(HashKeyItem.get(_NAME, _NAME, consistent_read=True).wrapped, _CONTEXT).encode()


def forget_key() -> None:
    """Read the key again at the next use (tests)."""
    _key.cache_clear()
