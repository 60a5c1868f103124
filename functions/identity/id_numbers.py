"""Numbers of identity documents: the Chinese resident card (GB 11643-1999) and passports."""

import re
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_CARD = re.compile(r"[1-9][0-9]{16}[0-9X]")
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
_PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63}
    | {64, 65, 71, 81, 82, 83, 91}
)


def normalised(id_type: str, number: str, today: date) -> str | None:
    """The number as we keep it, in capitals; None when it cannot be a document's."""
    number = number.upper()
    valid = _is_card(number, today) if id_type == "id_card" else _PASSPORT.fullmatch(number) is not None
    return number if valid else None


def _is_card(number: str, today: date) -> bool:
    """Province, a birthday that was, and the check digit of ISO 7064 MOD 11-2."""
    if not _CARD.fullmatch(number) or int(number[:2]) not in _PROVINCES:
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return date(1900, 1, 1) <= born <= today and number[17] == _CHECK[total % 11]
