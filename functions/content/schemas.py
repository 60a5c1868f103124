"""What content receives and sends."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from functions.content.models import MAX_BODY_BYTES, BodyFormat, Kind, Status
from shared.http.envelope import Fen, Id, In, Out
from shared.views.access import Level
from shared.views.files import Media
from shared.views.profiles import UserBrief

_MAX_METADATA = 16_384
_NOT_NULL = "不能为空值|must not be null"


def _within_a_megabyte(body: str) -> str:
    if len(body.encode()) > MAX_BODY_BYTES:
        message = "正文不能超过 1 MB|must not be larger than 1 MB"
        raise ValueError(message)
    return body


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > _MAX_METADATA:
        message = "不能超过 16 KB|must not be larger than 16 KB"
        raise ValueError(message)
    return metadata


def _each_once(values: list[Any]) -> list[Any]:
    """In the order given; names that differ in case only are the same."""
    return list({value.lower() if isinstance(value, str) else value: value for value in reversed(values)}.values())[::-1]


def _in_utc(moment: datetime) -> datetime:
    """A time without zone is read as UTC (rules.md §0)."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Title = Annotated[str, Field(min_length=1, max_length=200)]
Summary = Annotated[str, Field(max_length=500)]
Body = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(_within_a_megabyte)]
MediaIds = Annotated[list[Id], Field(max_length=100), AfterValidator(_each_once)]
CategoryIds = Annotated[list[Id], Field(max_length=5), AfterValidator(_each_once)]
PlanIds = Annotated[list[Id], Field(max_length=50), AfterValidator(_each_once)]
UserIds = Annotated[list[Id], Field(max_length=1000), AfterValidator(_each_once)]
TagName = Annotated[str, Field(min_length=1, max_length=30)]
TagNames = Annotated[list[TagName], Field(max_length=10), AfterValidator(_each_once)]
Percent = Annotated[int, Field(ge=0, le=100)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
VersionNo = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ContentIn(In):
    """CNT-001. `price` in fen."""

    title: Title
    kind: Kind
    body: Body | None = None
    body_format: BodyFormat = "markdown"
    summary: Summary | None = None
    cover_media_id: Id | None = None
    media_ids: MediaIds | None = None
    category_ids: CategoryIds | None = None
    tags: TagNames | None = None
    access_level: Level = "free"
    plan_ids: PlanIds | None = None
    price: Fen | None = None
    preview_percent: Percent = 10
    preview_seconds: Seconds | None = None
    is_original: bool = True
    metadata: Metadata | None = None


class ContentChange(In):
    """CNT-002: what is left out stays; null empties what may be empty."""

    title: Title | None = None
    kind: Kind | None = None
    body: Body | None = None
    body_format: BodyFormat | None = None
    summary: Summary | None = None
    cover_media_id: Id | None = None
    media_ids: MediaIds | None = None
    category_ids: CategoryIds | None = None
    tags: TagNames | None = None
    access_level: Level | None = None
    plan_ids: PlanIds | None = None
    price: Fen | None = None
    preview_percent: Percent | None = None
    preview_seconds: Seconds | None = None
    is_original: bool | None = None
    metadata: Metadata | None = None
    base_version: VersionNo | None = None
    change_note: Annotated[str, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _some_are_never_null(self) -> Self:
        nullable = {"body", "summary", "cover_media_id", "price", "preview_seconds", "base_version", "change_note"}
        if any(getattr(self, name) is None for name in self.model_fields_set - nullable):
            raise ValueError(_NOT_NULL)
        return self


class PublishIn(In):
    """CNT-020."""

    version: VersionNo | None = None


class ScheduleIn(In):
    """CNT-023."""

    publish_at: Moment


class AccessControlChange(In):
    """CNT-032: any field of AccessControl."""

    access_level: Level | None = None
    plan_ids: PlanIds | None = None
    price: Fen | None = None
    currency: Literal["CNY"] | None = None
    preview_percent: Percent | None = None
    preview_seconds: Seconds | None = None
    granted_user_ids: UserIds | None = None
    watermark: bool | None = None
    available_from: Moment | None = None
    available_to: Moment | None = None

    @model_validator(mode="after")
    def _some_are_never_null(self) -> Self:
        nullable = {"price", "preview_seconds", "available_from", "available_to"}
        if any(getattr(self, name) is None for name in self.model_fields_set - nullable):
            raise ValueError(_NOT_NULL)
        return self


class RenderIn(In):
    """CNT-033."""

    format: BodyFormat
    body: Annotated[str, StringConstraints(strip_whitespace=False)]
    to: Literal["html", "markdown", "richtext"] = "html"


class Category(Out):
    """A node of the category tree; `content_count` of what is published in it."""

    category_id: int
    parent_id: int | None
    name: str
    slug: str
    sort: int
    content_count: int
    children: list["Category"]


class Tag(Out):
    """A tag and how many works carry it."""

    tag_id: int
    name: str
    slug: str
    usage_count: int


class Stats(Out):
    """How a work is received."""

    views: int
    likes: int
    favorites: int
    comments: int
    shares: int


class Viewer(Out):
    """How the caller stands to a work."""

    liked: bool
    favorited: bool
    has_access: bool


class ContentBrief(Out):
    """The contract's Content without body."""

    content_id: int
    author: UserBrief
    kind: Kind
    title: str
    summary: str | None
    body_format: BodyFormat
    cover_url: str | None
    categories: list[Category]
    tags: list[Tag]
    status: Status
    access_level: Level
    plan_ids: list[int]
    price: int | None
    currency: str
    preview_percent: int
    is_preview: bool
    is_original: bool
    version: int
    published_version: int | None
    scheduled_at: datetime | None
    published_at: datetime | None
    rejected_reason: str | None
    created_at: datetime
    updated_at: datetime
    stats: Stats
    viewer: Viewer | None


class Content(ContentBrief):
    """The contract's Content; with `is_preview` body, body_html and media hold the trial part only."""

    body: str | None
    body_html: str | None
    media: list[Media]


class DraftBrief(ContentBrief):
    """CNT-022."""

    has_autosave: bool


class DeletedOut(Out):
    """CNT-003."""

    content_id: int
    status: Literal["deleted"]
    restorable_until: datetime


class VersionBrief(Out):
    """The contract's ContentVersion."""

    version: int
    title: str
    change_note: str | None
    editor_id: int
    word_count: int
    created_at: datetime
    is_current: bool
    is_published: bool


class VersionOut(VersionBrief):
    """CNT-026."""

    body: str | None
    body_format: BodyFormat
    media_ids: list[int]


class AccessControl(Out):
    """The paywall settings of a work."""

    access_level: Level
    plan_ids: list[int]
    price: int | None
    currency: Literal["CNY"]
    preview_percent: int
    preview_seconds: int | None
    granted_user_ids: list[int]
    watermark: bool
    available_from: datetime | None
    available_to: datetime | None


class TocEntry(Out):
    """A heading."""

    level: int
    title: str
    anchor: str


class RenderOut(Out):
    """CNT-033."""

    output: str
    text: str
    toc: list[TocEntry]
    word_count: int
    reading_minutes: int
    removed: list[str]


class TrialOut(Out):
    """CNT-038: what everyone may read, and what would open the rest."""

    content_id: int
    kind: Kind
    trial_body: str | None
    trial_url: str | None
    trial_seconds: int | None
    preview_percent: int
    required_plan_ids: list[int]
    price: int | None
