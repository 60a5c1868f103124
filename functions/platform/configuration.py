"""What a client starts with: what is switched on, for this caller, and the limits the API holds it to."""

import hashlib
from typing import Any

from functions.platform.schemas import (
    CodeLimits,
    LimitsOut,
    PageLimits,
    PasswordLimits,
    QuotaLimits,
    UploadLimits,
)
from shared.http.edge import MAX_BODY
from shared.paging import TOTAL_CAP
from shared.password_rules import LONGEST, SHORTEST
from shared.sql.connection import Connection
from shared.sql.tunables import tunable, tunables_below

PASSWORD_LENGTH = (8, 128)
CODE_DIGITS, CODE_RETRY_SECONDS = 6, 60
PAGE_SIZE, PAGE_SIZE_MAX = 10, 100
BATCH_ITEMS = 100
API_KEYS = 20
"""Rules of other domains (rules.md §1, §3, §17); tests/platform/test_configuration.py holds them against the code there."""

_SHARES = 10_000
_WHOLE = 100


def limits(db: Connection) -> LimitsOut:
    """The limits in force."""
    return LimitsOut.model_construct(
        password=PasswordLimits.model_construct(min_length=SHORTEST, max_length=LONGEST),
        code=CodeLimits.model_construct(
            digits=CODE_DIGITS, valid_seconds=tunable(db, "auth.code_ttl_seconds"), retry_seconds=CODE_RETRY_SECONDS
        ),
        page=PageLimits.model_construct(default_size=PAGE_SIZE, max_size=PAGE_SIZE_MAX, max_total=TOTAL_CAP),
        upload_bytes=UploadLimits.model_construct(**tunables_below(db, "media.max_bytes.")),
        quota_bytes=QuotaLimits.model_construct(**tunables_below(db, "media.quota_bytes.")),
        body_bytes=MAX_BODY,
        batch_items=BATCH_ITEMS,
        content_tags=tunable(db, "content.max_tags"),
        withdrawal_min=tunable(db, "finance.withdraw_min"),
        withdrawal_daily=tunable(db, "finance.withdraw_daily_limit"),
        api_keys=API_KEYS,
    )


def features(db: Connection, subject: str | None) -> dict[str, bool]:
    """Each flag of the settings `features.{flag}`, for one user or device; None is somebody who cannot be told apart."""
    return {flag: is_on(flag, value, subject) for flag, value in sorted(tunables_below(db, "features.").items())}


def is_on(flag: str, value: Any, subject: str | None) -> bool:
    """Whether a flag `{enabled, percent}` is on for a subject: always the same answer, and a rising percentage only adds.

    Who cannot be told apart sees a feature once everybody does. What is no flag is off.
    """
    if not isinstance(value, dict) or value.get("enabled") is not True:
        return False
    percent = value.get("percent", _WHOLE)
    if isinstance(percent, bool) or not isinstance(percent, (int, float)):
        return False
    if subject is None:
        return percent >= _WHOLE
    share = int.from_bytes(hashlib.sha256(f"{flag}:{subject}".encode()).digest()[:8]) % _SHARES
    return share < percent * (_SHARES // _WHOLE)
