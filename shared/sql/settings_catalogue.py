"""What may be set: the type, the range and the sentence of every key of rules.md §19, and of feature flags.

Only the function that changes settings imports this; those that read numbers import `shared.sql.tunables` alone.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from shared.i18n import Locale, validation_sentence
from shared.settings import is_staged, staged
from shared.sql import settings_types as t
from shared.sql.tunables import DEFAULTS, FLAG_OFF

MASKED = "***"
_FLAG = re.compile(r"features\.[a-z][a-z0-9_]{0,49}")

Kind = Literal["int", "bool", "str", "dec", "list", "obj"]


@dataclass(frozen=True)
class Setting:
    """One key: its type for people, the shape its values must have, and what it is for."""

    key: str
    kind: Kind
    shape: Any
    zh: str
    en: str
    secret: bool = False

    @property
    def group(self) -> str:
        """The first part of the key."""
        return self.key.partition(".")[0]

    def default(self, stage: str) -> Any:
        """What holds when nobody has set it."""
        if is_staged(self.key):
            return staged(self.key, stage)
        return FLAG_OFF if self.group == "features" else DEFAULTS[self.key]

    def parsed(self, value: object, locale: Locale) -> Any:
        """The value as JSON stores it. Raises ValueError with the reason in the caller's language."""
        try:
            return _adapter(self.key).dump_python(_adapter(self.key).validate_python(value), mode="json")
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            sentence = validation_sentence(first["type"], first.get("ctx", {}), locale)
            raise ValueError(f"{where}: {sentence}" if where else sentence) from error

    def shown(self, value: Any) -> Any:
        """The value for people: a secret only says that it is there."""
        return MASKED if self.secret and value is not None else value


def _alerts() -> tuple[Setting, ...]:
    """A threshold per built-in alert rule (rules.md §12); percentages end at 100."""
    percent = {
        "cpu_high",
        "memory_high",
        "disk_high",
        "payment_failure",
        "claude_failure",
        "data_quality_low",
        "cache_hit_low",
    }
    return tuple(
        Setting(
            key,
            "int",
            t.whole(0, 100 if name in percent else 10**7),
            f"告警 {name} 的阈值",
            f"Threshold of the alert {name}",
        )
        for key in DEFAULTS
        if key.startswith("alerts.") and (name := key.removeprefix("alerts."))
    )


_DAY = 86_400
_DAYS = t.whole(1, 3650)
_CACHE = t.whole(1, _DAY)
_BYTES = t.whole(1024, 10**13)
_RATE = t.whole(1, 1_000_000)
_SHARE = t.whole(0, 10_000)
_FEN = t.whole(0, 10**13)

_ALL: tuple[Setting, ...] = (
    Setting("auth.access_ttl_seconds", "int", t.whole(60, _DAY), "访问令牌有效秒数", "Seconds an access token lives"),
    Setting("auth.refresh_ttl_days", "int", t.whole(1, 365), "刷新令牌有效天数", "Days a refresh token lives"),
    Setting("auth.staff_access_ttl_seconds", "int", t.whole(60, _DAY), "后台访问令牌有效秒数", "The same for operators"),
    Setting("auth.staff_refresh_ttl_hours", "int", t.whole(1, 168), "后台刷新令牌有效小时数", "Hours a staff session lives"),
    Setting("auth.staff_totp_required", "bool", t.Truth, "后台登录必须使用动态口令", "Operators need a one-time password"),
    Setting("auth.max_failures", "int", t.whole(1, 100), "锁定前允许的错误密码次数", "Wrong passwords before the lock"),
    Setting("auth.lock_minutes", "int", t.whole(1, 1440), "锁定分钟数", "Minutes an account stays locked"),
    Setting("auth.code_ttl_seconds", "int", t.whole(30, 3600), "验证码有效秒数", "Seconds a one-time code counts"),
    Setting("auth.code_per_day", "int", t.whole(1, 1000), "每个目标每天的验证码数", "Codes a day and target"),
    Setting("rate_limits.ip_per_minute", "int", _RATE, "每个地址每分钟请求数", "Requests a minute and address"),
    Setting("rate_limits.user_per_minute", "int", _RATE, "每个用户每分钟请求数", "Requests a minute and user"),
    Setting(
        "rate_limits.auth_ip_per_minute", "int", _RATE, "每个地址每分钟登录类请求数", "Sign-in requests a minute and address"
    ),
    Setting("rate_limits.staff_per_minute", "int", _RATE, "每个管理员每分钟请求数", "Requests a minute and operator"),
    Setting(
        "rate_limits.staff_mutations_per_minute", "int", _RATE, "每个管理员每分钟操作数", "Changes a minute and operator"
    ),
    Setting("rate_limits.factor", "int", t.whole(1, 10_000), "所有限流值的倍数", "Multiplies all rate limits"),
    Setting(
        "security.ip_allowlist",
        "list",
        t.Networks,
        "后台允许的网络地址，空为不限",
        "Networks operators may use; empty is all",
    ),
    Setting("account.deletion_days", "int", t.whole(1, 90), "账号删除宽限天数", "Days of grace before erasure"),
    Setting("content.restore_days", "int", t.whole(1, 365), "内容可恢复天数", "Days a deleted content can be restored"),
    Setting("content.max_tags", "int", t.whole(1, 50), "内容最多标签数", "Tags a content may have"),
    Setting("content.preview_percent", "int", t.whole(0, 100), "试读百分比", "Percent of a text shown as trial"),
    Setting("content.preview_seconds", "int", t.whole(0, 600), "试听试看秒数", "Seconds of audio and video shown as trial"),
    Setting(
        "moderation.pre_review",
        "str",
        Literal["flagged", "all", "none"],
        "发布前审核范围",
        "What is reviewed before it is published",
    ),
    Setting("media.max_bytes.image", "int", _BYTES, "图片最大字节数", "Largest image in bytes"),
    Setting("media.max_bytes.audio", "int", _BYTES, "音频最大字节数", "Largest audio in bytes"),
    Setting("media.max_bytes.video", "int", _BYTES, "视频最大字节数", "Largest video in bytes"),
    Setting("media.max_bytes.document", "int", _BYTES, "文档最大字节数", "Largest document in bytes"),
    Setting("media.quota_bytes.user", "int", _BYTES, "用户存储配额字节数", "Storage of a user in bytes"),
    Setting("media.quota_bytes.creator", "int", _BYTES, "创作者存储配额字节数", "Storage of a creator in bytes"),
    Setting("payment.order_minutes", "int", t.whole(1, 1440), "订单有效分钟数", "Minutes an order can be paid"),
    Setting("payment.refund_days", "int", t.whole(0, 365), "可申请退款天数", "Days a refund can be asked for"),
    Setting("payment.channel_fee_bp", "int", _SHARE, "支付通道费率（万分之一）", "Fee of the channel in basis points"),
    Setting("payment.enabled_channels", "list", t.Channels, "启用的支付渠道", "Channels that are open"),
    Setting(
        "payment.auto_refund_max", "int", _FEN, "自动退款上限（分），0 为从不", "Largest automatic refund in fen; 0 is never"
    ),
    Setting(
        "payment.difference_approval_above",
        "int",
        _FEN,
        "对账差异超过此金额（分）需两人确认",
        "Differences above it, in fen, take two people",
    ),
    Setting("finance.creator_share_bp", "int", _SHARE, "创作者分成（万分之一）", "Share of the creator in basis points"),
    Setting("finance.hold_days", "int", t.whole(0, 365), "收入冻结天数", "Days earnings are held"),
    Setting("finance.withdraw_min", "int", t.whole(1, 10**13), "最低提现金额（分）", "Smallest withdrawal in fen"),
    Setting("finance.withdraw_daily_limit", "int", t.whole(1, 10**13), "每日提现上限（分）", "Withdrawals a day in fen"),
    Setting(
        "finance.withdraw_approval_above",
        "int",
        _FEN,
        "超过此金额（分）需审批",
        "Withdrawals above it, in fen, need approval",
    ),
    Setting("finance.withdraw_max", "int", t.whole(1, 10**13), "单笔提现上限（分）", "Largest withdrawal in fen"),
    Setting(
        "finance.withdraw_two_person_above",
        "int",
        _FEN,
        "超过此金额（分）需两人审批",
        "Withdrawals above it, in fen, take two people",
    ),
    Setting("finance.withdraw_hold_first", "bool", t.Truth, "首次提现需人工审核", "A first withdrawal waits for a person"),
    Setting(
        "finance.withdraw_new_payee_days",
        "int",
        t.whole(0, 365),
        "收款账号首次收款后多少天内需人工审核，0 为不审核",
        "Days after its first payout for which a payee is new; 0 is never",
    ),
    Setting(
        "finance.withdraw_refund_ratio_bp",
        "int",
        _SHARE,
        "近 90 天退款比例超过此值（万分之一）需人工审核",
        "Refunds of 90 days above it, in basis points of sales, wait for a person",
    ),
    Setting(
        "finance.withdraw_fees",
        "obj",
        t.PayoutFees,
        "各提现方式的手续费：万分比及固定金额（分）",
        "Fee of a withdrawal by method: basis points and fen",
    ),
    Setting("finance.tax_rate_bp", "int", _SHARE, "税率（万分之一）", "Tax rate in basis points"),
    Setting(
        "finance.invoice_provider",
        "str",
        t.InvoiceProvider,
        "开票方式：platform 平台自开，einvoice 数电发票",
        "Who issues invoices: platform, or einvoice for fully digital ones",
    ),
    Setting("finance.invoice_seller", "obj", t.InvoiceSeller, "发票上的销售方", "The seller on invoices"),
    Setting("subscription.notice_days", "int", t.whole(1, 60), "到期前提醒天数", "Days before the end a notice is sent"),
    Setting("subscription.retry_days", "list", t.RetryDays, "续费重试的天数", "Days after which a renewal is tried again"),
    Setting("usdt.enabled", "bool", t.Truth, "启用 USDT 支付", "Payment in USDT is open"),
    Setting("usdt.networks", "list", t.UsdtNetworks, "启用的 USDT 网络", "USDT networks that are open"),
    Setting("usdt.cny_per_usdt", "dec", t.decimal("0.01", "1000", 4), "每 USDT 的人民币价格", "CNY for one USDT"),
    Setting("usdt.order_minutes", "int", t.whole(1, 1440), "USDT 订单有效分钟数", "Minutes a USDT order can be paid"),
    Setting(
        "usdt.required_confirmations",
        "obj",
        t.Confirmations,
        "各网络所需确认数，可按金额分档",
        "Confirmations by network, or by amount",
    ),
    Setting("usdt.grace_minutes", "int", t.whole(0, 1440), "到期后宽限分钟数", "Minutes a late payment still counts"),
    Setting("usdt.max_fee", "dec", t.decimal("0", "1000", 8), "归集最高手续费（USDT）", "Highest network fee in USDT"),
    Setting("wallet.required_approvals", "int", t.whole(1, 10), "钱包转出所需审批人数", "Approvals a wallet transfer needs"),
    Setting("support.lock_seconds", "int", t.whole(10, _DAY), "会话锁定秒数", "Seconds a conversation stays locked"),
    Setting(
        "operations.post_url_hosts", "list", t.Hosts, "帖子链接允许的域名，空为不限", "Hosts of post URLs; empty is all"
    ),
    Setting("messaging.recall_seconds", "int", t.whole(0, _DAY), "消息可撤回秒数", "Seconds a message can be recalled"),
    Setting("messaging.heartbeat_seconds", "int", t.whole(5, 300), "心跳间隔秒数", "Seconds between heartbeats"),
    Setting(
        "messaging.offline_seconds", "int", t.whole(10, 3600), "判定离线秒数", "Seconds without heartbeat until offline"
    ),
    Setting("cache.user_stats", "int", _CACHE, "用户统计缓存秒数", "Seconds user statistics are cached"),
    Setting("cache.claude_usage", "int", _CACHE, "AI 用量缓存秒数", "Seconds AI usage is cached"),
    Setting("cache.payment_stats", "int", _CACHE, "支付统计缓存秒数", "Seconds payment statistics are cached"),
    Setting("cache.data_quality", "int", _CACHE, "数据质量缓存秒数", "Seconds data quality is cached"),
    Setting("cache.user_info", "int", _CACHE, "用户信息缓存秒数", "Seconds user information is cached"),
    Setting("cache.recommendations", "int", _CACHE, "推荐缓存秒数", "Seconds recommendations are cached"),
    Setting("cache.plans", "int", _CACHE, "方案缓存秒数", "Seconds plans are cached"),
    Setting("cache.categories", "int", _CACHE, "分类缓存秒数", "Seconds categories are cached"),
    Setting("cache.quick_replies", "int", _CACHE, "快捷回复缓存秒数", "Seconds quick replies are cached"),
    Setting("cache.settings", "int", t.whole(1, 60), "设置缓存秒数", "Seconds settings are cached"),
    Setting("claude.prices", "obj", t.Prices, "模型价格（美元每百万令牌）", "Prices of models in USD per million tokens"),
    Setting("claude.default_quota", "obj", t.Quota, "各会员等级每日额度", "Calls a day by membership level"),
    Setting("claude.timeout_seconds", "int", t.whole(1, 29), "AI 调用超时秒数", "Seconds an AI call may take"),
    Setting("data.retention_days.kline", "int", _DAYS, "K 线保留天数", "Days klines are kept"),
    Setting("data.retention_days.ticker", "int", _DAYS, "行情保留天数", "Days tickers are kept"),
    Setting("data.retention_days.orderbook", "int", _DAYS, "盘口保留天数", "Days order books are kept"),
    Setting("data.retention_days.trades", "int", _DAYS, "成交保留天数", "Days trades are kept"),
    Setting("data.min_cleanup_age_days", "int", _DAYS, "可清理数据的最小天数", "Data younger than this is never cleaned"),
    Setting("trading.halted", "bool", t.Truth, "停止全部交易", "All trading is stopped"),
    Setting("trading.min_leaderboard_days", "int", t.whole(1, 365), "上榜最少天数", "Days before a strategy is ranked"),
    Setting("log.retention_days", "int", _DAYS, "日志保留天数", "Days logs are kept"),
    Setting(
        "audit.retention_days",
        "int",
        t.whole(1095, 36_500),
        "审计保留天数，不少于三年",
        "Days the audit is kept, three years at least",
    ),
    Setting("events.retention_days", "int", _DAYS, "事件保留天数", "Days events are kept"),
    Setting("backup.cron", "str", t.Cron, "备份时间（cron，UTC）", "When backups run (cron, UTC)"),
    Setting("backup.retention_days", "int", _DAYS, "备份保留天数", "Days backups are kept"),
    Setting("backup.copy_region", "str", t.Region, "备份复制到的区域", "Region backups are copied to"),
    Setting("i18n.default_locale", "str", Literal["zh-CN", "en"], "默认语言", "Language when none is asked for"),
    Setting("i18n.locales", "list", t.Locales, "启用的语言", "Languages that are offered"),
    *_alerts(),
)
CATALOGUE: dict[str, Setting] = {setting.key: setting for setting in _ALL}


def find(key: str) -> Setting | None:
    """The setting of a key; a feature flag may have any name in snake case."""
    if _FLAG.fullmatch(key):
        return Setting(key, "obj", t.Flag, "功能开关：启用及灰度百分比", "Feature flag: whether, and for how many percent")
    return CATALOGUE.get(key)


def contradiction(values: dict[str, Any]) -> tuple[str, str] | None:
    """The first key whose value contradicts another's, with the sentence as `zh|en`; `values` holds what is in force."""
    if values["i18n.default_locale"] not in values["i18n.locales"]:
        return "i18n.default_locale", "默认语言必须在启用的语言之中|must be one of i18n.locales"
    if values["messaging.offline_seconds"] <= values["messaging.heartbeat_seconds"]:
        return "messaging.offline_seconds", "必须大于心跳间隔|must be longer than messaging.heartbeat_seconds"
    if values["finance.withdraw_daily_limit"] < values["finance.withdraw_min"]:
        return "finance.withdraw_daily_limit", "不能小于最低提现金额|must be at least finance.withdraw_min"
    if values["finance.withdraw_max"] < values["finance.withdraw_min"]:
        return "finance.withdraw_max", "不能小于最低提现金额|must be at least finance.withdraw_min"
    return None


@cache
def _adapter(key: str) -> TypeAdapter[Any]:
    setting = find(key)
    assert setting is not None  # noqa: S101 - asked for by a Setting only
    return TypeAdapter(setting.shape)
