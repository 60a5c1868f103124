"""UnionPay's two ways of writing fields: forms, which are URL-encoded, and replies, which are not."""

from typing import Final
from urllib.parse import parse_qsl

_CLOSING: Final = {"{": "}", "[": "]"}


def parse_form(body: bytes) -> dict[str, str]:
    """A notice, empty fields kept. Raises ValueError when it is no form, or a name occurs twice."""
    return _once(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"))


def parse_reply(body: bytes) -> dict[str, str]:
    """A reply `k=v&k=v` in plain UTF-8, whose values may hold `=`, and `&` within braces.

    Raises ValueError when a pair has no name, a brace stays open, or a name occurs twice.
    """
    pairs = []
    for pair in _apart(body.decode().strip()):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            message = "not a list of pairs"
            raise ValueError(message)
        pairs.append((name, value))
    return _once(pairs)


def _apart(text: str) -> list[str]:
    """Split at each `&` outside of braces. Only the outermost kind of brace counts while it is open."""
    if "{" not in text and "[" not in text:
        return text.split("&")
    parts, start, opening, depth = [], 0, "", 0
    for at, character in enumerate(text):
        if depth:
            depth += (character == opening) - (character == _CLOSING[opening])
        elif character in _CLOSING:
            opening, depth = character, 1
        elif character == "&":
            parts.append(text[start:at])
            start = at + 1
    if depth:
        message = "a brace stays open"
        raise ValueError(message)
    return [*parts, text[start:]]


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        message = "a field occurs twice"
        raise ValueError(message)
    return fields
