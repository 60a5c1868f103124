"""Which passwords may be chosen: length, a letter and a digit, none that attackers try first. No network, no hashing.

`common_passwords.bin` is a Bloom filter made by `tools/common-passwords` of the 115 000 most frequent passwords that
would pass the other rules, and of the words people decorate (`dragon` in `Dragon2026!`). It never forgets one of them and
takes one in ten thousand others for one of them. Source: SecLists' list of the million most common passwords (MIT).
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from shared.errors import Refusal
from shared.i18n import Locale

SHORTEST, LONGEST = 8, 128
PROBES = 13
"""Bits set per entry: the best number at 19 bits each."""

_DECORATION = 4
_NAME_WORTH_LOOKING_FOR = 4

Weakness = Literal["too_short", "too_long", "no_letter", "no_digit", "too_common", "too_personal"]
_SENTENCES: dict[Weakness, tuple[str, str]] = {
    "too_short": ("密码至少 8 位", "The password needs at least 8 characters"),
    "too_long": ("密码最多 128 位", "The password may have at most 128 characters"),
    "no_letter": ("密码须包含字母", "The password needs a letter"),
    "no_digit": ("密码须包含数字", "The password needs a digit"),
    "too_common": (
        "此密码过于常见或已在泄露名单中，请换一个",
        "This password is among those that attackers try first, please choose another",
    ),
    "too_personal": ("密码不能与账号名几乎相同", "The password must not be nearly the account's own name"),
}


class WeakPassword(Refusal):
    """422; `details.reasons` names every rule that was broken, and the message says the first."""

    status, error = 422, "weak_password"
    zh, en = "密码须为 8-128 位，且包含字母和数字", "The password needs 8 to 128 characters with a letter and a digit"

    def __init__(self, *reasons: Weakness) -> None:
        super().__init__()
        self.details = {"reasons": list(reasons)} if reasons else None
        self._reasons = reasons

    def sentence(self, locale: Locale) -> str:
        """Why the password was not good enough."""
        if not self._reasons:
            return super().sentence(locale)
        zh, en = _SENTENCES[self._reasons[0]]
        return en if locale == "en" else zh


def check(password: str, *names: str | None) -> None:
    """Raise WeakPassword unless it may be chosen; `names` are the account's own: address, number, username."""
    if reasons := tuple(weaknesses(password, *names)):
        raise WeakPassword(*reasons)


def weaknesses(password: str, *names: str | None) -> Iterator[Weakness]:
    """What is wrong with a password, in the order a person should mend it."""
    if len(password) < SHORTEST:
        yield "too_short"
    if len(password) > LONGEST:
        yield "too_long"
    if not any(character.isalpha() for character in password):
        yield "no_letter"
    if not any(character.isdigit() for character in password):
        yield "no_digit"
    if is_common(password):
        yield "too_common"
    if any(_is_nearly(password.lower(), name.lower().partition("@")[0]) for name in names if name):
        yield "too_personal"


def is_common(password: str) -> bool:
    """Whether attackers try it early, as it is or as a common word with up to four digits or signs behind."""
    lower = password.lower()
    word = lower.rstrip("0123456789!@#$%^&*.,;:?+-_=~ ")
    return _is_listed(lower) or (word != lower and len(lower) - len(word) <= _DECORATION and _is_listed(word))


def positions(entry: str, bits: int) -> Iterator[int]:
    """The bits of an entry (Kirsch and Mitzenmacher: two hashes make all)."""
    digest = hashlib.sha256(entry.encode()).digest()
    first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big") | 1
    return ((first + probe * second) % bits for probe in range(PROBES))


def _is_listed(entry: str) -> bool:
    filled = _filter()
    return all(filled[at >> 3] >> (at & 7) & 1 for at in positions(entry, len(filled) * 8))


def _is_nearly(password: str, name: str) -> bool:
    return len(name) >= _NAME_WORTH_LOOKING_FOR and name in password and len(password) - len(name) <= _DECORATION


@cache
def _filter() -> bytes:
    return Path(__file__).with_name("common_passwords.bin").read_bytes()
