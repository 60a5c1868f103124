"""The code of a gift: 80 random bits in Crockford's letters, four groups of four. Kept sealed under a key of KMS, found by
its hash; nobody guesses one of so many, so the hash needs no key.
"""

import hashlib
import secrets
from typing import Final

from shared import crypto
from shared.coupon_codes import ALPHABET

_LETTERS: Final = 16
_GROUP: Final = 4
_ALIKE: Final = str.maketrans("OIL", "011", "- ")
"""Case, blanks and hyphens do not count; letters that look like others are read as those."""


def new() -> str:
    """A code nobody has."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(_LETTERS))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))


def digest(code: str) -> str:
    """What a code is found by."""
    return hashlib.sha256(code.upper().translate(_ALIKE).encode()).hexdigest()


def seal(code: str, order_no: str) -> str:
    """A code as it is kept with the gift of this order, and nowhere else."""
    return crypto.encrypt(code, _context(order_no))


def reveal(sealed: str, order_no: str) -> str:
    """The code again."""
    return crypto.decrypt(sealed, _context(order_no))


def _context(order_no: str) -> dict[str, str]:
    return {"table": "gifts", "order_no": order_no}
