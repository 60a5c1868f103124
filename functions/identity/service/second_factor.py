"""The second factor of an account: one-time passwords and the recovery codes that stand in for them."""

import hmac
import secrets
from datetime import datetime

from functions.identity import keyed, totp
from functions.identity.models import Account
from functions.identity.store import second_factor as store
from shared import crypto
from shared.settings import Settings
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

RECOVERY_CODES = 10
_CODE_DIGITS = 6
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP = 3, 4


def totp_context(uid: int) -> dict[str, str]:
    """What a TOTP secret is bound to."""
    return {"table": "user_auth", "column": "totp_secret", "uid": str(uid)}


def recovery_hash(uid: int, code: str) -> str:
    """How a recovery code is stored."""
    return keyed.digest("recovery code", f"{uid}:{code.strip().lower()}")


def new_recovery_codes() -> list[str]:
    """Ten codes of 59 bits, to be shown once."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def matched_step(account: Account, secret: str, code: str, now: datetime) -> int | None:
    """The unused step whose one-time password this is, for the secret as it is stored."""
    step = totp.matched_step(crypto.decrypt(secret, totp_context(account.uid)), code.strip(), now)
    return step if step is not None and step > account.totp_last_step else None


def spend(db: Connection, account: Account, code: str, now: datetime) -> bool:
    """Prove the factor in force by a one-time password or a recovery code, which then counts no more."""
    if account.totp_secret is None:
        return False
    if len(code.strip()) != _CODE_DIGITS:
        given = recovery_hash(account.uid, code)
        if not any(hmac.compare_digest(given, kept) for kept in account.recovery_code_hashes):
            return False
        store.spend_recovery_code(db, account.uid, given)
        return True
    step = matched_step(account, account.totp_secret, code, now)
    if step is None:
        return False
    store.use_totp_step(db, account.uid, step)
    return True


def is_required_of_staff(db: Connection) -> bool:
    """The setting `auth.staff_totp_required`; unset, it is required in production only."""
    setting = tunable(db, "auth.staff_totp_required")
    return Settings.load().stage == "prod" if setting is None else bool(setting)
