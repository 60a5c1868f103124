"""The second factor of an account, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from shared.sql.connection import Connection


def enrol_totp(db: Connection, uid: int, encrypted_secret: str, at: datetime) -> None:
    """Give an account its second factor."""
    db.execute(
        "UPDATE identity.user_auth SET totp_secret = %s, totp_confirmed_at = %s, totp_last_step = 0 WHERE uid = %s",
        (encrypted_secret, at, uid),
    )


def offer_totp(db: Connection, uid: int, encrypted_secret: str) -> None:
    """Keep a secret until its owner has shown to hold it; what is in force stays so."""
    db.execute("UPDATE identity.user_auth SET totp_pending = %s WHERE uid = %s", (encrypted_secret, uid))


def confirm_totp(db: Connection, uid: int, step: int, recovery_hashes: Sequence[str], at: datetime) -> None:
    """The offered secret is in force from now on, with new recovery codes."""
    db.execute(
        """
        UPDATE identity.user_auth SET totp_secret = totp_pending, totp_pending = NULL, totp_confirmed_at = %s,
            totp_last_step = %s, recovery_code_hashes = %s, updated_at = %s
        WHERE uid = %s
        """,
        (at, step, list(recovery_hashes), at, uid),
    )


def drop_totp(db: Connection, uid: int, at: datetime) -> None:
    """Take the second factor away."""
    db.execute(
        """
        UPDATE identity.user_auth SET totp_secret = NULL, totp_pending = NULL, totp_confirmed_at = NULL,
            recovery_code_hashes = '{}', updated_at = %s
        WHERE uid = %s
        """,
        (at, uid),
    )


def use_totp_step(db: Connection, uid: int, step: int) -> None:
    """The codes of this step and of those before it count no more."""
    db.execute("UPDATE identity.user_auth SET totp_last_step = %s WHERE uid = %s", (step, uid))


def spend_recovery_code(db: Connection, uid: int, code_hash: str) -> None:
    """A recovery code counts once."""
    db.execute(
        "UPDATE identity.user_auth SET recovery_code_hashes = array_remove(recovery_code_hashes, %s) WHERE uid = %s",
        (code_hash, uid),
    )
