"""The numbers of rules.md §19: defaults here, overridden by rows of `admin.system_settings`, effective within 60 s."""

import time
from typing import Any

from shared.sql.connection import Connection

DEFAULTS: dict[str, Any] = {
    "auth.access_ttl_seconds": 900,
    "auth.refresh_ttl_days": 30,
    "auth.staff_access_ttl_seconds": 900,
    "auth.staff_refresh_ttl_hours": 8,
    "auth.max_failures": 5,
    "auth.lock_minutes": 15,
    "auth.code_ttl_seconds": 300,
    "auth.code_per_day": 10,
    "auth.staff_totp_required": None,  # unset: required in prod, not elsewhere
    "security.ip_allowlist": [],
    "content.max_tags": 10,
    "content.preview_percent": 10,
    "content.preview_seconds": 30,
    "content.restore_days": 30,
    "media.max_bytes.image": 20 * 1024**2,
    "media.max_bytes.audio": 500 * 1024**2,
    "media.max_bytes.video": 5 * 1024**3,
    "media.max_bytes.document": 100 * 1024**2,
    "media.quota_bytes.user": 10 * 1024**3,
    "media.quota_bytes.creator": 100 * 1024**3,
    "payment.order_minutes": 30,
    "payment.refund_days": 7,
    "payment.channel_fee_bp": 60,
    "payment.auto_refund_max": 0,
    "payment.enabled_channels": ["alipay", "wechat", "unionpay", "usdt"],
    "finance.creator_share_bp": 8000,
    "finance.hold_days": 7,
    "finance.withdraw_min": 10_000,
    "finance.withdraw_daily_limit": 5_000_000,
    "finance.withdraw_approval_above": 100_000,
}
_SECONDS = 60
_cache: dict[str, Any] = {}
_read_at: list[float] = []


def tunable(db: Connection, key: str) -> Any:
    """The value in force. One query a minute per environment; an unknown key is a KeyError, a fault of the program."""
    if not _read_at or time.monotonic() - _read_at[0] > _SECONDS:
        rows = db.execute("SELECT key, value FROM admin.pub_settings").fetchall()
        _cache.clear()
        _cache.update(DEFAULTS | dict(rows))
        _read_at[:] = [time.monotonic()]
    return _cache[key]


def forget_tunables() -> None:
    """Read the settings again at the next look (tests; after a change in this environment)."""
    _read_at.clear()
