"""What platform takes and sends."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.http.envelope import In, Out

State = Literal["ok", "degraded", "down"]


class HealthOut(Out):
    """PLT-001."""

    status: Literal["ok"]
    version: str
    region: str
    time: datetime


class CheckOut(Out):
    """One dependency: `latency_ms` of the probe, or why it failed."""

    status: State
    latency_ms: int
    reason: str | None = None


class ChecksOut(Out):
    """The dependencies PLT-002 looks at."""

    aurora: CheckOut
    dynamodb: CheckOut
    s3: CheckOut
    queue: CheckOut


class ReadyOut(Out):
    """PLT-002."""

    status: State
    checks: ChecksOut


class PasswordLimits(Out):
    """What a password needs, in characters; a letter and a digit must be among them."""

    min_length: int
    max_length: int


class CodeLimits(Out):
    """One-time codes: how long they are, how long they count, and when the next one may be asked for."""

    digits: int
    valid_seconds: int
    retry_seconds: int


class PageLimits(Out):
    """Lists."""

    default_size: int
    max_size: int
    max_total: int


class UploadLimits(Out):
    """Bytes of one file, by kind."""

    image: int
    audio: int
    video: int
    document: int


class QuotaLimits(Out):
    """Bytes of all files of an account."""

    user: int
    creator: int


class LimitsOut(Out):
    """What the API will refuse, so that a client can say so first. Sizes in bytes, amounts in fen."""

    password: PasswordLimits
    code: CodeLimits
    page: PageLimits
    upload_bytes: UploadLimits
    quota_bytes: QuotaLimits
    body_bytes: int
    batch_items: int
    content_tags: int
    withdrawal_min: int
    withdrawal_daily: int
    api_keys: int


class ClientConfigOut(Out):
    """PLT-007."""

    payment_channels: list[str]
    oauth_providers: list[str]
    locales: list[str]
    limits: LimitsOut
    features: dict[str, bool]


class LocaleOut(Out):
    """How a locale writes things (CLDR patterns), and how much of zh-CN it has in its own words (0 to 1).

    `week_starts_on` is 0 for Sunday, 1 for Monday.
    """

    locale: str
    name: str
    timezone: str
    date_format: str
    time_format: str
    number_format: str
    currency: str
    currency_format: str
    week_starts_on: int
    completeness: float


class LocalesOut(Out):
    """PLT-025."""

    default: str
    items: list[LocaleOut]


class MessagesOut(Out):
    """PLT-026."""

    locale: str
    version: int
    messages: dict[str, str]


Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
MessageKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=150)]
MessageText = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=2000)]


class MessagesIn(In):
    """PLT-027: null deletes."""

    messages: Annotated[dict[MessageKey, MessageText | None], Field(min_length=1, max_length=500)]
    namespace: Namespace | None = None


class MessagesWritten(Out):
    """PLT-027."""

    locale: str
    version: int
    updated: int
    deleted: int
