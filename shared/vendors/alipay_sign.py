"""RSA2, Alipay's signature: SHA256withRSA (PKCS#1 v1.5) over text of an exact form, in base64.

Three texts are signed: a request (every parameter but `sign`), a notification (every field but `sign` and
`sign_type`, empty ones included) and a response (the raw JSON of its one member).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

_decoder = json.JSONDecoder()
_json_space = re.compile(r"[ \t\n\r]*")


def text_to_sign(params: Iterable[tuple[str, str]]) -> str:
    """Join parameters, sorted by name and not URL-encoded, as `k=v&k=v`."""
    return "&".join(f"{name}={value}" for name, value in sorted(params))


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
