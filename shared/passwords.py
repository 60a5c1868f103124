"""Password hashes: argon2id with 19 MiB, two passes, one lane (OWASP). Only functions that sign in or set passwords carry it.

Hashes imported from elsewhere are bcrypt's; they are believed once, at the next sign-in, which stores argon2id instead.
"""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$LNnckRQ514qrTi3ti2hoUQ$X8DrrN0zZKOtzfdzCxdyXYk2uA2vpWjtM+5WdPxmbVY"
"""A hash of the same cost that no password matches: an unknown account takes the same work as a known one."""
_BCRYPT = ("$2a$", "$2b$", "$2y$")
_BCRYPT_BYTES = 72
"""bcrypt never looked further; the systems that made such hashes cut the rest off."""


def hashed(password: str) -> str:
    """The hash to store, with its own salt."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether this is the password; for no hash at all the same work is done, and the answer is no.

    For an imported hash argon2's work is done as well, unless it matches: then storing the new hash does it.
    """
    if password_hash and password_hash.startswith(_BCRYPT):
        return _matches_bcrypt(password_hash, password) or _matches_argon2(_NOBODYS, password)
    return _matches_argon2(password_hash or _NOBODYS, password) and password_hash is not None


def is_outdated(password_hash: str | None) -> bool:
    """Whether a password just proved should be stored anew: an imported hash, or one of a lower cost."""
    return password_hash is not None and (password_hash.startswith(_BCRYPT) or _hasher.check_needs_rehash(password_hash))


def _matches_argon2(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _matches_bcrypt(password_hash: str, password: str) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], password_hash.encode())
    except ValueError:
        return False
