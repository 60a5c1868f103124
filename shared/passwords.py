"""Password hashes: argon2id with 19 MiB, two passes, one lane (OWASP). Only the sign-in function carries the library."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$LNnckRQ514qrTi3ti2hoUQ$X8DrrN0zZKOtzfdzCxdyXYk2uA2vpWjtM+5WdPxmbVY"
"""A hash of the same cost that no password matches: an unknown account takes the same work as a known one."""


def hashed(password: str) -> str:
    """The hash to store, with its own salt."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether this is the password; for no hash at all the same work is done, and the answer is no."""
    try:
        return _hasher.verify(password_hash or _NOBODYS, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
