"""Numbers of taxpayers: which may stand on an invoice. Pure."""

import re
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: no I, O, S, V, Z, which look like digits."""
_UNIFIED: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")
_OLD: Final = re.compile(r"\d{6}[0-9A-Z]{9}|\d{17}[0-9X][0-9A-Z]{2}")
"""15 of a registration before 2015 (district, organisation or person), 20 of a person in business (identity number and two).

Their check characters differ by office and year, so only the form is looked at.
"""
_MODULUS: Final = 31
_WEIGHTS: Final = tuple(pow(3, n, _MODULUS) for n in range(17))
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_DIGITS_AND_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def normal(text: str) -> str:
    """A number as it is compared and printed: no blanks, capital letters."""
    return "".join(text.split()).upper()


def is_tax_no(number: str) -> bool:
    """Whether a number in its normal form is a 统一社会信用代码 or an older number of 15 or 20 characters."""
    if len(number) == len(_WEIGHTS) + 1:
        return is_unified_code(number)
    return _OLD.fullmatch(number) is not None


def is_unified_code(number: str) -> bool:
    """Whether both check characters of a 统一社会信用代码 hold: its own (GB 32100-2015), and that of the organisation code."""
    if not _UNIFIED.fullmatch(number):
        return False
    total = sum(_ALPHABET.index(character) * weight for character, weight in zip(number, _WEIGHTS, strict=False))
    return _ALPHABET[-total % _MODULUS] == number[17] and _organisation_holds(number[8:17])


def _organisation_holds(code: str) -> bool:
    """GB 11714-1997: eight characters and a check character."""
    total = sum(
        _DIGITS_AND_LETTERS.index(character) * weight for character, weight in zip(code, _ORGANISATION_WEIGHTS, strict=False)
    )
    return "0123456789X0"[11 - total % 11] == code[8]
