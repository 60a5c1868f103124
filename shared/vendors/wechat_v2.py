"""WeChat Pay's older wire, which withholding still speaks: flat XML, signed with a shared key (docs/agreements.md).

The signature is over every field that is not empty, sorted by name as `k=v&k=v`, with the key behind it: HMAC-SHA256 where
the page of a call allows it, MD5 where it names nothing else. Its length tells which one it is.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from html import unescape
from typing import Final, Literal
from xml.sax.saxutils import escape

Hash = Literal["HMAC-SHA256", "MD5"]

ACKNOWLEDGED: Final = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"
"""What stops the resends of a notice."""

_HASHES: Final[dict[int, Hash]] = {64: "HMAC-SHA256", 32: "MD5"}
_MOST_BYTES = 64 * 1024
_DOCUMENT = re.compile(r"\s*<xml>(.*)</xml>\s*", re.DOTALL)
_FIELD = re.compile(r"\s*<(\w{1,64})>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>\s*", re.DOTALL)


def sign(fields: Mapping[str, str], key: str, how: Hash) -> str:
    """The signature of these fields, in capitals."""
    pairs = [f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign"]
    text = "&".join([*pairs, f"key={key}"]).encode()
    if how == "MD5":
        return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()  # as WeChat prescribes; the key is behind it
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest().upper()


def is_signed(fields: Mapping[str, str], key: str) -> bool:
    """Whether WeChat, or we, signed these fields. Nothing is signed with an empty key."""
    claimed = fields.get("sign", "")
    how = _HASHES.get(len(claimed))
    return bool(key) and how is not None and hmac.compare_digest(sign(fields, key, how).encode(), claimed.encode())


def written(fields: Mapping[str, str]) -> str:
    """The fields as XML."""
    return "<xml>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items()) + "</xml>"


def read(body: bytes) -> dict[str, str]:
    """The fields of a flat XML document; anything deeper, declared or twice named is refused. Raises ValueError."""
    document = _DOCUMENT.fullmatch(body.decode()) if len(body) <= _MOST_BYTES else None
    if document is None:
        message = "not the XML of WeChat Pay"
        raise ValueError(message)
    found: dict[str, str] = {}
    inner, at = document[1], 0
    while at < len(inner):
        field = _FIELD.match(inner, at)
        if field is None or field[1] in found:
            message = f"not a flat XML document at character {at}"
            raise ValueError(message)
        found[field[1]] = field[2] if field[2] is not None else unescape(field[3])
        at = field.end()
    return found
