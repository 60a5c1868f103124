"""Codes of a coupon batch: four letters of prefix, a serial of four, a MAC of eight, under the batch's own key.

No code is stored: who has the key makes all of them again, and who has a code proves it was made. The alphabet is Crockford's
(32 letters, none that looks like another). PostgreSQL checks codes by `subscriptions.find_code`, a test holds the two together.
"""

import hashlib
import hmac
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX_LETTERS, SERIAL_LETTERS = 4, 4
MOST = 1_000_000
"""Codes of one batch; a serial has 20 bits, so it could number 1,048,576."""
KEY_BYTES = 32
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_BLOCK = 64


def prefix_of(batch: int) -> str:
    """The prefix of the `batch`-th batch: a million of them are told apart."""
    return _letters(batch)


def codes(prefix: str, key: bytes, count: int) -> Iterator[str]:
    """The codes with the serials 0 to `count` - 1, as they are handed out: in four groups of four letters.

    HMAC-SHA-256 with its two keyed states made once and copied, which halves what a code costs.
    """
    padded = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + prefix.encode())
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    pairs = _PAIRS
    for serial in range(count):
        number = pairs[serial >> 10] + pairs[serial & 1023]
        hashed, mac = inner.copy(), outer.copy()
        hashed.update(number.encode())
        mac.update(hashed.digest())
        bits = int.from_bytes(mac.digest()[:5])
        yield (
            f"{prefix}-{number}-{pairs[bits >> 30]}{pairs[bits >> 20 & 1023]}-{pairs[bits >> 10 & 1023]}{pairs[bits & 1023]}"
        )


def code(prefix: str, key: bytes, serial: int) -> str:
    """One code, by the plain definition: what `codes` makes faster."""
    number = _letters(serial)
    bits = int.from_bytes(hmac.digest(key, (prefix + number).encode(), "sha256")[:5])
    mac = "".join(_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0))
    return f"{prefix}-{number}-{mac[:4]}-{mac[4:]}"


def _letters(number: int) -> str:
    return _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]
