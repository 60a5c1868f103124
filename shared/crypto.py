"""Envelope encryption of personal data and secrets: AES-256-GCM under KMS data keys, bound to its context.

Stored form: `v1:<wrapped data key>:<nonce>:<ciphertext and tag>`, each base64url. The context (say
`{"table": "user_verifications", "uid": "100001"}`) is authenticated twice, by KMS and by GCM: a value copied into another
row does not decrypt.
"""

import base64
import json
import os
from functools import lru_cache

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared import aws

Context = dict[str, str]
_NONCE_BYTES = 12
_VERSION = "v1"


class Undecipherable(Exception):  # noqa: N818 - says what the value is
    """The value was changed, or belongs to another context."""


def encrypt(plain: str, context: Context, key: str = "pii") -> str:
    """Encrypt under the house key `key` (environment `KEY_<NAME>`); every value has its own data key and nonce."""
    data_key = aws.client("kms").generate_data_key(
        KeyId=os.environ[f"KEY_{key.upper()}"], KeySpec="AES_256", EncryptionContext=context
    )
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(data_key["Plaintext"]).encrypt(nonce, plain.encode(), _aad(context))
    return ":".join((_VERSION, _b64(data_key["CiphertextBlob"]), _b64(nonce), _b64(sealed)))


def decrypt(stored: str, context: Context) -> str:
    """The plain text. Raises Undecipherable when the value or its context is not what was encrypted."""
    try:
        version, wrapped, nonce, sealed = stored.split(":")
        if version != _VERSION:
            raise Undecipherable(version)
        data_key = _unwrap(wrapped, json.dumps(context, sort_keys=True))
        return AESGCM(data_key).decrypt(_raw(nonce), _raw(sealed), _aad(context)).decode()
    except (ValueError, InvalidTag) as error:
        raise Undecipherable from error
    except ClientError as error:
        raise Undecipherable from error


@lru_cache(maxsize=128)
def _unwrap(wrapped: str, context: str) -> bytes:
    plain: bytes = aws.client("kms").decrypt(CiphertextBlob=_raw(wrapped), EncryptionContext=json.loads(context))[
        "Plaintext"
    ]
    return plain


def _aad(context: Context) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _raw(text: str) -> bytes:
    """Strictly: base64 ignores the spare bits of a last character, and then two texts would mean one value."""
    raw = base64.urlsafe_b64decode(text)
    if _b64(raw) != text:
        raise Undecipherable
    return raw


def mask_id_number(number: str) -> str:
    """First three, last four (rules.md §17)."""
    return f"{number[:3]}{'*' * max(0, len(number) - 7)}{number[-4:]}"


def mask_name(name: str) -> str:
    """The family name only."""
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_phone(phone: str) -> str:
    """`138****5678`, whatever country code stands before it."""
    return f"{phone[:-8]}{'*' * 4}{phone[-4:]}" if len(phone) > 8 else "****"  # noqa: PLR2004 - 4 hidden, 4 shown


def mask_account(number: str) -> str:
    """The last four digits of a bank account or card; of an e-mail address its first letter and domain."""
    if "@" in number:
        name, _, domain = number.partition("@")
        return f"{name[:1]}***@{domain}"
    return f"****{number[-4:]}"
