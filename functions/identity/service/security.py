"""The security of one's account: what opens it, what happened lately, and changing both."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from functions.identity import totp
from functions.identity.errors import TotpCodeInvalid, TotpRequiredForStaff
from functions.identity.models import Account, Client
from functions.identity.schemas.security import OauthAccount, RecentLogin, Security, SecurityChanged, SecurityIn, TotpOffer
from functions.identity.service import linked_accounts, second_factor
from functions.identity.service.attempts import Attempt, alone_with
from functions.identity.store import accounts, logins
from functions.identity.store import second_factor as factor_store
from functions.identity.store import security as store
from shared import crypto
from shared.crypto import mask_account, mask_phone
from shared.errors import Refusal, TokenRevoked
from shared.sql.connection import Connection

RECENT = 10
_ISSUER = "ShareStack"


@dataclass(slots=True)
class _Made:
    """What is told once, in the answer to the change that made it."""

    totp: TotpOffer | None = None
    recovery_codes: list[str] | None = None


def overview(db: Connection, uid: int) -> Security:
    """How the account is secured, with its last ten logins. Raises TokenRevoked for one that was deleted meanwhile."""
    return Security.model_construct(**_overview(db, uid))


def change(db: Connection, uid: int, wanted: SecurityIn, client: Client) -> SecurityChanged:
    """Change what is asked for, all or nothing; a wrong one-time password counts as a failed sign-in.

    Raises TotpCodeInvalid, AccountLocked, TotpRequiredForStaff, OauthAccountNotFound or LastLoginMethod.
    """
    made = _Made()
    with alone_with(db, uid, client) as tried:
        if tried.account is None:
            raise TokenRevoked
        refusal = _second_factor(tried, tried.account, wanted, made)
        if refusal is None:
            if wanted.unlink_provider:
                linked_accounts.unlink(db, uid, wanted.unlink_provider)
            store.set_preferences(
                db, uid, login_alerts=wanted.login_alerts, single_session=wanted.single_session, at=tried.at
            )
    if refusal:
        raise refusal
    return SecurityChanged.model_construct(**_overview(db, uid), totp=made.totp, recovery_codes=made.recovery_codes)


def _second_factor(tried: Attempt, account: Account, wanted: SecurityIn, made: _Made) -> Refusal | None:
    """Do with the second factor what is asked for. Who has one proves it before it is replaced or taken away."""
    if wanted.totp_action is None:
        return None
    action = {"enroll": _enroll, "confirm": _confirm, "disable": _disable}[wanted.totp_action]
    return tried.locked or action(tried, account, wanted.totp_code, made)


def _enroll(tried: Attempt, account: Account, code: str | None, made: _Made) -> Refusal | None:
    """Offer a secret; what is in force stays so until the new one is confirmed."""
    if account.totp_secret is not None and not _spends(tried, account, code):
        return TotpCodeInvalid()
    secret = totp.new_secret()
    factor_store.offer_totp(tried.db, account.uid, crypto.encrypt(secret, second_factor.totp_context(account.uid)))
    made.totp = TotpOffer.model_construct(secret=secret, otpauth_uri=_uri(secret, account.email or account.username))
    return None


def _confirm(tried: Attempt, account: Account, code: str | None, made: _Made) -> Refusal | None:
    """The offered secret is in force once a one-time password of it was shown; recovery codes are told this once."""
    if account.totp_pending is None or code is None:
        return TotpCodeInvalid()
    secret = crypto.decrypt(account.totp_pending, second_factor.totp_context(account.uid))
    step = totp.matched_step(secret, code.strip(), tried.at)
    if step is None:
        tried.count_failure()
        return TotpCodeInvalid()
    codes = second_factor.new_recovery_codes()
    hashes = [second_factor.recovery_hash(account.uid, one) for one in codes]
    factor_store.confirm_totp(tried.db, account.uid, step, hashes, tried.at)
    made.recovery_codes = codes
    return None


def _disable(tried: Attempt, account: Account, code: str | None, _made: _Made) -> Refusal | None:
    """Take the second factor away from who proves it once more, unless they are an operator who must have one."""
    if _must_keep(tried.db, account.uid):
        return TotpRequiredForStaff()
    if not _spends(tried, account, code):
        return TotpCodeInvalid()
    factor_store.drop_totp(tried.db, account.uid, tried.at)
    return None


def _spends(tried: Attempt, account: Account, code: str | None) -> bool:
    """Whether the code proves the factor in force; a wrong one is counted."""
    if code is None:
        return False
    is_right = second_factor.spend(tried.db, account, code, tried.at)
    if not is_right:
        tried.count_failure()
    return is_right


def _must_keep(db: Connection, uid: int) -> bool:
    person = accounts.find_person(db, uid)
    is_staff = person is not None and person.staff is not None and person.staff.is_active
    return is_staff and second_factor.is_required_of_staff(db)


def _uri(secret: str, label: str) -> str:
    """What authenticator apps read from a QR code."""
    query = urlencode({"secret": secret, "issuer": _ISSUER, "algorithm": "SHA1", "digits": 6, "period": 30})
    return f"otpauth://totp/{quote(f'{_ISSUER}:{label}')}?{query}"


def _overview(db: Connection, uid: int) -> dict[str, Any]:
    secured = store.find(db, uid)
    if secured is None:
        raise TokenRevoked
    return {
        "password_set": secured.password_set,
        "email": mask_account(secured.email) if secured.email else None,
        "email_verified": secured.email_verified,
        "phone": mask_phone(secured.phone) if secured.phone else None,
        "phone_verified": secured.phone_verified,
        "oauth_accounts": [
            OauthAccount.model_construct(provider=account.provider, linked_at=account.linked_at)
            for account in linked_accounts.linked(db, uid)
        ],
        "totp_enabled": secured.totp_enabled,
        "login_alerts": secured.login_alerts,
        "single_session": secured.single_session,
        "recent_logins": [
            RecentLogin.model_construct(at=item.at, ip=item.ip, device_type=item.device_type, method=item.method, ok=item.ok)
            for item in logins.latest(uid, RECENT)
        ],
    }
