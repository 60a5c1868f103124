"""Operators in SQL: the table `admin.admins` and the second factor of the account behind it."""

from datetime import datetime

from shared.sql.connection import Connection


def note_staff_login(db: Connection, admin_id: int, ip: str) -> None:
    """Remember the address, so that the next one can be called unusual."""
    db.execute("UPDATE admin.admins SET last_login_ip = %s WHERE id = %s", (ip, admin_id))


def is_any_super_admin(db: Connection) -> bool:
    """Whether there is someone who may appoint operators."""
    return db.execute("SELECT 1 FROM admin.admins WHERE role = 'super_admin' AND is_active LIMIT 1").fetchone() is not None


def appoint(db: Connection, uid: int, role: str) -> None:
    """Make an account an operator, once."""
    db.execute(
        "INSERT INTO admin.admins (user_id, role) VALUES (%s, %s) ON CONFLICT ON CONSTRAINT admins_user DO NOTHING",
        (uid, role),
    )


def enrol_totp(db: Connection, uid: int, encrypted_secret: str, at: datetime) -> None:
    """Give an account its second factor."""
    db.execute(
        "UPDATE identity.user_auth SET totp_secret = %s, totp_confirmed_at = %s, totp_last_step = 0 WHERE uid = %s",
        (encrypted_secret, at, uid),
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
