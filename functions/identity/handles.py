"""Random words people may have to read out: user names and invitation codes nobody chose."""

import secrets

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without the characters that people confuse."""
_USERNAME_LENGTH, _INVITATION_LENGTH = 10, 8


def new_username() -> str:
    """A user name, free but for the odds of 1 in 8e14 per name taken."""
    return f"user_{_random(_USERNAME_LENGTH)}"


def new_invitation_code() -> str:
    """The code a person invites others with."""
    return _random(_INVITATION_LENGTH).upper()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
