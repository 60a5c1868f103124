"""RSA2, Alipay's signature: SHA256withRSA (PKCS#1 v1.5) over text of an exact form, in base64.

Three texts are signed: a request (every parameter but `sign`), a notification (every field but `sign` and
`sign_type`, empty ones included) and a response (the raw JSON of its one member).
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_decoder = json.JSONDecoder()
_json_space = re.compile(r"[ \t\n\r]*")


def private_key(text: str) -> rsa.RSAPrivateKey:
    """Read an RSA private key from PEM or from bare base64 (PKCS#8 or PKCS#1). Raises ValueError."""
    if text.lstrip().startswith("-----"):
        key = serialization.load_pem_private_key(text.strip().encode(), password=None)
    else:
        key = serialization.load_der_private_key(_base64("".join(text.split())), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        message = "the private key is not RSA"
        raise TypeError(message)
    return key


def public_key(text: str) -> rsa.RSAPublicKey:
    """Read an RSA public key from PEM or from bare base64 as Alipay's console shows it. Raises ValueError."""
    if text.lstrip().startswith("-----"):
        key = serialization.load_pem_public_key(text.strip().encode())
    else:
        key = serialization.load_der_public_key(_base64("".join(text.split())))
    if not isinstance(key, rsa.RSAPublicKey):
        message = "the public key is not RSA"
        raise TypeError(message)
    return key


def text_to_sign(params: Iterable[tuple[str, str]]) -> str:
    """Join parameters, sorted by name and not URL-encoded, as `k=v&k=v`."""
    return "&".join(f"{name}={value}" for name, value in sorted(params))


def sign(text: str, key: rsa.RSAPrivateKey) -> str:
    """The base64 RSA2 signature of `text` (UTF-8)."""
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(text: str, signature: str, key: rsa.RSAPublicKey) -> bool:
    """Whether `signature` (base64) is `key`'s RSA2 signature of `text`."""
    try:
        key.verify(_base64(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Member:
    """One member of a JSON object: the text it was sent as, and what that means."""

    raw: str
    value: object


def members(text: str) -> dict[str, Member]:
    """Split a JSON object into its members, keeping each value's exact text. Raises ValueError.

    A response is signed over the raw text of one member, so re-serialising would break it, and counting
    braces is fooled by a brace inside a string. A name that occurs twice is refused: one value could be
    signed and the other read.
    """
    found: dict[str, Member] = {}
    at = _expect(text, _skip(text, 0), "{")
    while text[at : at + 1] != "}":
        if found:
            at = _skip(text, _expect(text, at, ","))
        name, at = _read(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        value, end = _read(text, at)
        if not isinstance(name, str) or name in found:
            message = f"a JSON object has a name twice, or none, before character {at}"
            raise ValueError(message)
        found[name] = Member(text[at:end], value)
        at = _skip(text, end)
    if _skip(text, at + 1) != len(text):
        message = "text after the JSON object"
        raise ValueError(message)
    return found


def _read(text: str, at: int) -> tuple[object, int]:
    try:
        return _decoder.raw_decode(text, at)
    except RecursionError as error:
        message = "JSON nested too deeply"
        raise ValueError(message) from error


def _skip(text: str, at: int) -> int:
    space = _json_space.match(text, at)
    return space.end() if space else at


def _expect(text: str, at: int, token: str) -> int:
    if text[at : at + 1] != token:
        message = f"expected {token!r} at character {at}"
        raise ValueError(message)
    return _skip(text, at + 1)


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        message = "not base64"
        raise ValueError(message) from error
    # The last character of a padded text has bits nobody reads: one signature must have one spelling.
    if base64.b64encode(decoded).decode() != text:
        message = "not canonical base64"
        raise ValueError(message)
    return decoded
