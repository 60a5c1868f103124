"""Works: what one is made of, and the rules true of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.views.access import Level, Paywall
from shared.views.files import FileStatus
from shared.views.files import Kind as FileKind

Kind = Literal["article", "audio", "video"]
BodyFormat = Literal["markdown", "richtext"]
Status = Literal["draft", "pending_review", "scheduled", "published", "rejected", "taken_down", "deleted"]

MAX_BODY_BYTES = 1024 * 1024
ON_ITS_WAY: frozenset[FileStatus] = frozenset({"uploading", "scanning", "processing"})
_UNUSABLE: frozenset[FileStatus] = frozenset({"rejected", "deleted"})
_TO_PUBLISHED: frozenset[Status] = frozenset({"draft", "scheduled", "published"})
_TO_SCHEDULED: frozenset[Status] = frozenset({"draft", "scheduled"})
_TO_DRAFT: frozenset[Status] = frozenset({"published", "scheduled", "rejected"})


@dataclass(frozen=True, slots=True)
class File:
    """What content needs to know of a file."""

    owner_id: int
    kind: FileKind
    status: FileStatus


@dataclass(frozen=True, slots=True)
class Known:
    """Which of the things a work refers to exist: files by id, categories in use, plans of its author."""

    files: Mapping[int, File]
    categories: frozenset[int]
    plans: frozenset[int]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything an author decides about a work."""

    kind: Kind
    title: str
    summary: str | None
    body: str | None
    body_format: BodyFormat
    cover_media_id: int | None
    media_ids: tuple[int, ...]
    access_level: Level
    plan_ids: tuple[int, ...]
    price: int | None
    preview_percent: int
    preview_seconds: int | None
    is_original: bool
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[int, ...]:
        """Every file of the work once, the cover last."""
        cover = () if self.cover_media_id is None else (self.cover_media_id,)
        return tuple(dict.fromkeys((*self.media_ids, *cover)))

    @property
    def lacks_a_price(self) -> bool:
        """Whether it is to be sold for nothing."""
        return self.access_level == "paid" and not self.price

    def new_version_from(self, earlier: "Draft") -> bool:
        """Whether title, text or media changed: what makes a version."""
        return (self.title, self.body, self.body_format, self.media_ids) != (
            earlier.title,
            earlier.body,
            earlier.body_format,
            earlier.media_ids,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A work as stored, locked for a change."""

    content_id: int
    author_id: int
    status: Status
    version: int
    published_version: int | None
    scheduled_at: datetime | None
    is_editor: bool
    draft: Draft
    known: Known

    @property
    def may_be_published(self) -> bool:
        """Whether its state has a way to published; what is published may be published in another version."""
        return self.status in _TO_PUBLISHED

    @property
    def may_be_scheduled(self) -> bool:
        """Whether its state has a way to scheduled; a time may be changed for another."""
        return self.status in _TO_SCHEDULED

    @property
    def may_be_taken_back(self) -> bool:
        """Whether its state has a way back to draft."""
        return self.status in _TO_DRAFT


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a work cannot be published. `passing` when time alone may remove it: a file is still being inspected."""

    error: Literal["content_incomplete", "media_not_ready"]
    missing: str
    media_ids: tuple[int, ...] = ()
    passing: bool = False


def obstacle(draft: Draft, known: Known) -> Obstacle | None:
    """What stands against publishing this, or None: an article needs a text, audio and video a ready file of their kind.

    All files must have passed their checks, the cover among them.
    """
    if draft.kind == "article":
        if not (draft.body or "").strip():
            return Obstacle("content_incomplete", "body")
    elif not any(media_id in known.files and known.files[media_id].kind == draft.kind for media_id in draft.media_ids):
        return Obstacle("content_incomplete", draft.kind)
    waiting = tuple(one for one in draft.files if one not in known.files or known.files[one].status != "ready")
    if not waiting:
        return None
    states = {known.files[media_id].status if media_id in known.files else "deleted" for media_id in waiting}
    return Obstacle("media_not_ready", "media", waiting, passing=states <= ON_ITS_WAY)


def unusable_files(author_id: int, draft: Draft, known: Known) -> list[int]:
    """Files that may not be part of a work: unknown, another's, turned away, or as a cover not an image."""
    wrong = []
    for media_id in draft.files:
        file = known.files.get(media_id)
        is_ours = file is not None and file.owner_id == author_id and file.status not in _UNUSABLE
        if not is_ours or (media_id == draft.cover_media_id and known.files[media_id].kind != "image"):
            wrong.append(media_id)
    return wrong


def paywall(row: Mapping[str, Any]) -> Paywall:
    """The paywall of a row that has its columns."""
    return Paywall(
        row["content_id"],
        row["author_id"],
        row["access_level"],
        tuple(row["plan_ids"]),
        frozenset(row["granted_user_ids"]),
        row["available_from"],
        row["available_to"],
    )


Seen = Literal["shown", "removed", "unknown"]


def seen_by(status: Status, *, insider: bool, ever_published: bool, is_author: bool) -> Seen:
    """What a person finds under a work's address. Insiders are its author, collaborators, and staff with content:read."""
    if status == "published":
        return "shown"
    if status == "deleted":
        return "removed" if ever_published or is_author else "unknown"
    if insider:
        return "shown"
    return "removed" if status == "taken_down" else "unknown"
