"""Refusals: every way the product says no, each with an HTTP status, a stable name, a number and a sentence."""

import json
from pathlib import Path
from typing import ClassVar

from shared.i18n import Locale

_SIX_DIGITS = 100_000
CODES: dict[str, int] = json.loads(Path(__file__).with_name("error_codes.json").read_text())


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of the program
    """Base of all business refusals. Subclass in a domain's `errors.py`; keyword arguments become `details`.

    `error` must be in `error_codes.json`, the one registry of numeric codes: status x 100 + serial, and from the
    hundredth error of a status on status x 1000 + serial, since 409 has more than 99.
    """

    status: ClassVar[int] = 400
    error: ClassVar[str] = ""
    zh: ClassVar[str] = ""
    en: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.error not in CODES or CODES[cls.error] // (1000 if CODES[cls.error] >= _SIX_DIGITS else 100) != cls.status:
            message = f"{cls.__name__}: {cls.error!r} has no code of status {cls.status} in shared/error_codes.json"
            raise TypeError(message)

    def __init__(self, *, retry_after: int | None = None, **details: object) -> None:
        super().__init__(self.error)
        self.details: object = details or None
        self.retry_after = retry_after

    @property
    def code(self) -> int:
        """The number clients may switch on; never changes once published."""
        return CODES[self.error]

    def sentence(self, locale: Locale) -> str:
        """What to show a person."""
        return self.en if locale == "en" else self.zh


class MalformedJson(Refusal):
    status, error = 400, "malformed_json"
    zh, en = "请求体不是有效的 JSON", "The request body is not valid JSON"


class Unauthenticated(Refusal):
    status, error = 401, "unauthenticated"
    zh, en = "请先登录", "Please sign in"


class TokenExpired(Refusal):
    status, error = 401, "token_expired"
    zh, en = "登录已过期", "The access token has expired"


class TokenRevoked(Refusal):
    status, error = 401, "token_revoked"
    zh, en = "登录已失效，请重新登录", "The session has ended, please sign in again"


class PermissionDenied(Refusal):
    status, error = 403, "permission_denied"
    zh, en = "没有权限", "You do not have permission for this"


class CreatorRequired(Refusal):
    status, error = 403, "creator_required"
    zh, en = "仅限认证创作者", "Only approved creators may do this"


class AccountBanned(Refusal):
    status, error = 403, "account_banned"
    zh, en = "账号已被封禁", "This account is banned"


class IpNotAllowed(Refusal):
    """For operators outside of the setting `security.ip_allowlist`."""

    status, error = 403, "ip_not_allowed"
    zh, en = "管理后台不允许从当前网络地址使用", "Operators may not use the back office from this address"


class NotFound(Refusal):
    status, error = 404, "not_found"
    zh, en = "未找到", "Not found"


class MethodNotAllowed(Refusal):
    status, error = 405, "method_not_allowed"
    zh, en = "不支持此请求方法", "This method is not allowed here"


class IdempotencyConflict(Refusal):
    status, error = 409, "idempotency_conflict"
    zh, en = "该幂等键已用于其他请求", "This Idempotency-Key was used for another request"


class RequestInProgress(Refusal):
    status, error = 409, "request_in_progress"
    zh, en = "相同请求正在处理", "The same request is still being processed"


class PayloadTooLarge(Refusal):
    status, error = 413, "payload_too_large"
    zh, en = "请求体过大", "The request body is too large"


class UnsupportedMediaType(Refusal):
    status, error = 415, "unsupported_media_type"
    zh, en = "不支持的内容类型", "This content type is not supported"


class ValidationFailed(Refusal):
    """422; `details` is a list of `{field, message}`."""

    status, error = 422, "validation_error"
    zh, en = "请求参数有误", "Some fields are not valid"

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__()
        self.details = problems


class RateLimited(Refusal):
    status, error = 429, "rate_limited"
    zh, en = "请求过于频繁，请稍后再试", "Too many requests, please try again later"


class InternalError(Refusal):
    status, error = 500, "internal_error"
    zh, en = "服务器内部错误", "Something went wrong on our side"


class ServiceDegraded(Refusal):
    status, error = 503, "service_degraded"
    zh, en = "服务暂时不可用，请稍后再试", "The service is temporarily unavailable"


EVERYWHERE: tuple[type[Refusal], ...] = (
    MalformedJson,
    Unauthenticated,
    TokenExpired,
    TokenRevoked,
    PermissionDenied,
    CreatorRequired,
    AccountBanned,
    NotFound,
    MethodNotAllowed,
    IdempotencyConflict,
    RequestInProgress,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    RateLimited,
    InternalError,
    ServiceDegraded,
)
"""Errors any route may answer (rules.md §1)."""
