"""Time-based one-time passwords (RFC 6238): SHA-1, 30 seconds, 6 digits, one step of clock skew either way."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

_STEP_SECONDS = 30
_SKEW = (0, -1, 1)
_SECRET_BYTES = 20


def new_secret() -> str:
    """A secret in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a 30-second step (RFC 4226 truncation)."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def step_of(moment: datetime) -> int:
    """The step a moment falls into."""
    return int(moment.timestamp()) // _STEP_SECONDS


def matched_step(secret: str, code: str, moment: datetime) -> int | None:
    """The step whose code this is, near the moment; None when it is none. The caller refuses a step used before."""
    now = step_of(moment)
    return next(
        (now + skew for skew in _SKEW if hmac.compare_digest(code_at(secret, now + skew).encode(), code.encode())), None
    )
