"""The numbers of rules.md §19: defaults here, overridden by rows of `admin.system_settings`, effective within 60 s."""

import time
from typing import Any

from shared.settings import Settings, is_staged, staged
from shared.sql.connection import Connection

DEFAULTS: dict[str, Any] = {
    "auth.access_ttl_seconds": 900,
    "auth.refresh_ttl_days": 30,
    "auth.staff_access_ttl_seconds": 900,
    "auth.staff_refresh_ttl_hours": 8,
    "auth.staff_totp_required": None,
    "auth.max_failures": 5,
    "auth.lock_minutes": 15,
    "auth.code_ttl_seconds": 300,
    "auth.code_per_day": 10,
    "rate_limits.ip_per_minute": 300,
    "rate_limits.user_per_minute": 600,
    "rate_limits.auth_ip_per_minute": 30,
    "rate_limits.staff_per_minute": 1200,
    "rate_limits.staff_mutations_per_minute": 120,
    "rate_limits.factor": None,
    "security.ip_allowlist": [],
    "account.deletion_days": 15,
    "content.restore_days": 30,
    "content.max_tags": 10,
    "content.preview_percent": 10,
    "content.preview_seconds": 30,
    "moderation.pre_review": "flagged",
    "media.max_bytes.image": 20 * 1024**2,
    "media.max_bytes.audio": 500 * 1024**2,
    "media.max_bytes.video": 5 * 1024**3,
    "media.max_bytes.document": 100 * 1024**2,
    "media.quota_bytes.user": 10 * 1024**3,
    "media.quota_bytes.creator": 100 * 1024**3,
    "payment.order_minutes": 30,
    "payment.refund_days": 7,
    "payment.channel_fee_bp": 60,
    "payment.enabled_channels": ["alipay", "wechat", "unionpay", "usdt"],
    "payment.auto_refund_max": 0,
    "payment.difference_approval_above": 100_000,
    "finance.creator_share_bp": 8000,
    "finance.hold_days": 7,
    "finance.withdraw_min": 10_000,
    "finance.withdraw_daily_limit": 5_000_000,
    "finance.withdraw_approval_above": 100_000,
    "finance.withdraw_max": 5_000_000,
    "finance.withdraw_two_person_above": 1_000_000,
    "finance.withdraw_hold_first": True,
    "finance.withdraw_new_payee_days": 7,
    "finance.withdraw_refund_ratio_bp": 2_000,
    "finance.withdraw_fees": {
        "alipay": {"bp": 0, "fixed": 0},
        "wechat": {"bp": 0, "fixed": 0},
        "bank": {"bp": 10, "fixed": 0},
        "usdt": {"bp": 0, "fixed": 700},
    },
    "finance.tax_rate_bp": 600,
    "finance.invoice_provider": "platform",
    "finance.invoice_seller": {"name": "ShareStack", "tax_no": "", "address": "", "bank": ""},
    "subscription.notice_days": 5,
    "subscription.retry_days": [1, 3, 7],
    "usdt.enabled": None,
    "usdt.networks": ["TRC20", "ERC20", "BEP20"],
    "usdt.cny_per_usdt": "7.20",
    "usdt.order_minutes": 30,
    "usdt.required_confirmations": {"TRC20": 1, "ERC20": 1, "BEP20": 1},
    "usdt.grace_minutes": 30,
    "usdt.max_fee": "5",
    "wallet.required_approvals": 2,
    "support.lock_seconds": 300,
    "operations.post_url_hosts": [],
    "messaging.recall_seconds": 120,
    "messaging.heartbeat_seconds": 30,
    "messaging.offline_seconds": 90,
    "cache.user_stats": 300,
    "cache.claude_usage": 60,
    "cache.payment_stats": 600,
    "cache.data_quality": 1800,
    "cache.user_info": 300,
    "cache.recommendations": 600,
    "cache.plans": 300,
    "cache.categories": 600,
    "cache.quick_replies": 300,
    "cache.settings": 60,
    "claude.prices": {
        "claude-opus-4": {"input": "15", "output": "75"},
        "claude-sonnet-4": {"input": "3", "output": "15"},
        "claude-haiku-3-5": {"input": "0.80", "output": "4"},
    },
    "claude.default_quota": {"free": 5, "basic": 50, "premium": 200, "professional": 1000},
    "claude.timeout_seconds": 25,
    "data.retention_days.kline": 3650,
    "data.retention_days.ticker": 90,
    "data.retention_days.orderbook": 30,
    "data.retention_days.trades": 180,
    "data.min_cleanup_age_days": 7,
    "trading.halted": False,
    "trading.min_leaderboard_days": 7,
    "log.retention_days": 30,
    "audit.retention_days": 1095,
    "events.retention_days": 90,
    "backup.cron": "0 19 * * *",
    "backup.retention_days": 35,
    "backup.copy_region": None,
    "i18n.default_locale": "zh-CN",
    "i18n.locales": ["zh-CN", "en"],
    "alerts.cpu_high": 80,
    "alerts.memory_high": 85,
    "alerts.disk_high": 90,
    "alerts.payment_failure": 5,
    "alerts.claude_failure": 10,
    "alerts.data_quality_low": 85,
    "alerts.abnormal_login": 0,
    "alerts.permission_violation": 0,
    "alerts.api_abuse": 100,
    "alerts.api_latency": 500,
    "alerts.db_latency": 100,
    "alerts.error_logs": 50,
    "alerts.websocket_connections": 8000,
    "alerts.memes_pending": 100,
    "alerts.support_pending": 50,
    "alerts.banned_users_spike": 100,
    "alerts.cache_hit_low": 80,
    "alerts.queue_backlog": 300,
    "alerts.wallet_pool_low": 5,
    "alerts.claude_balance_low": 20,
}
"""Every key of rules.md §19; None where there is none, or where it depends on the stage (`shared.settings.staged`)."""

FLAG_OFF: dict[str, Any] = {"enabled": False, "percent": 0}
"""A feature flag nobody has set: `features.{flag}`, whatever its name."""
_SECONDS = 60
_cache: dict[str, Any] = {}
_read_at: list[float] = []


def tunable(db: Connection, key: str) -> Any:
    """The value in force. One query a minute per environment; an unknown key is a KeyError, a fault of the program.

    A feature flag nobody has set is off.
    """
    known = _in_force(db)
    return known.get(key, FLAG_OFF) if key.startswith("features.") else _of_stage(key, known[key])


def tunables_below(db: Connection, prefix: str) -> dict[str, Any]:
    """Every value in force whose key begins with `prefix`, by the rest of its key."""
    return {
        key.removeprefix(prefix): _of_stage(key, value) for key, value in _in_force(db).items() if key.startswith(prefix)
    }


def _in_force(db: Connection) -> dict[str, Any]:
    if not _read_at or time.monotonic() - _read_at[0] > _SECONDS:
        rows = db.execute("SELECT key, value FROM admin.pub_settings").fetchall()
        _cache.clear()
        _cache.update(DEFAULTS | dict(rows))
        _read_at[:] = [time.monotonic()]
    return _cache


def _of_stage(key: str, value: Any) -> Any:
    return staged(key, Settings.load().stage) if value is None and is_staged(key) else value


def forget_tunables() -> None:
    """Read the settings again at the next look (tests; after a change in this environment)."""
    _read_at.clear()
