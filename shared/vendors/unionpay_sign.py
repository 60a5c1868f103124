"""UnionPay 5.1.0, signMethod 01: what is signed, and when what came is believed.

Signed is the text of a SHA-256 in hex, over sorted `k=v` pairs; RSA-SHA256 then hashes that text once more.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from shared.vendors import rsa_text
from shared.vendors.unionpay_chain import NotTrustedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from shared.vendors.unionpay_config import UnionpayConfig

METHOD: Final = "01"
VERSION: Final = "5.1.0"


class NotSignedError(Exception):
    """What came is not UnionPay's word to us; the message says why."""


def digest(fields: Mapping[str, str]) -> str:
    """What is signed of these fields: 64 hex digits."""
    pairs = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "signature")
    return hashlib.sha256(pairs.encode()).hexdigest()


def signed(fields: Mapping[str, str], key: "RSAPrivateKey") -> dict[str, str]:
    """The fields that have a value, and their `signature`; the same fields have the same one."""
    sent = {name: value for name, value in fields.items() if value and name != "signature"}
    return sent | {"signature": rsa_text.sign(digest(sent), key)}


def check(config: "UnionpayConfig", fields: Mapping[str, str], at: datetime) -> None:
    """Believe an answer or a notice that came at `at` (aware): signed by a certificate that is UnionPay's, for our
    merchant. Raises NotSignedError. Fields without a value count here: UnionPay signs them.
    """
    if fields.get("signMethod") != METHOD or fields.get("version") != VERSION:
        raise NotSignedError("another way of signing")
    try:
        key = config.trust.key_of(fields.get("signPubKeyCert", ""), at)
    except NotTrustedError as error:
        raise NotSignedError(str(error)) from error
    if not rsa_text.is_signed(digest(fields), fields.get("signature", ""), key):
        raise NotSignedError("signature")
    if fields.get("merId") != config.mer_id:
        raise NotSignedError("another merchant's")
