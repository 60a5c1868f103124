"""A one-time password as an authenticator app shows it (RFC 6238), for playing an operator."""

import base64
import hashlib
import hmac
import struct
from datetime import datetime


def totp_now(secret: str, at: datetime) -> str:
    """The six digits of a base32 secret at a moment."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at.timestamp()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
