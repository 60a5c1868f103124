"""What media receives and sends; Media and Variant themselves are shared objects (shared/views/files.py)."""

from typing import Annotated, Literal

from pydantic import Field

from functions.media.models import DOWNLOAD_SECONDS, UPLOAD_SECONDS, Visibility
from shared.http.envelope import BIGINT_MAX, Id, In, Out, Page
from shared.views.files import Media


class UploadIn(In):
    """MED-001. `size` in bytes."""

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(min_length=3, max_length=255)]
    size: Annotated[int, Field(ge=1, le=BIGINT_MAX)]
    checksum_sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    category_id: Id | None = None
    visibility: Visibility = "private"


class PartOut(Out):
    """Where to PUT one part."""

    part_number: int
    url: str


class UploadTarget(Out):
    """How to send the bytes: one PUT with exactly these headers, or one PUT for each part."""

    mode: Literal["single", "multipart"]
    method: Literal["PUT", "POST"]
    url: str | None
    headers: dict[str, str]
    fields: dict[str, str] | None
    upload_id: str | None
    parts: list[PartOut] | None
    expires_in: int = UPLOAD_SECONDS


class UploadOut(Out):
    """MED-001."""

    media: Media
    upload: UploadTarget


class PartIn(In):
    """A part that was sent, with the ETag S3 answered."""

    part_number: Annotated[int, Field(ge=1, le=10_000)]
    etag: Annotated[str, Field(min_length=1, max_length=128)]


class CompleteIn(In):
    """MED-003; `parts` for multipart uploads only."""

    parts: Annotated[list[PartIn], Field(max_length=10_000)] | None = None


class MediaPage(Page[Media]):
    """MED-011: own files, and how much room they take."""

    used_bytes: int
    quota_bytes: int


class DownloadOut(Out):
    """MED-024."""

    url: str
    expires_in: int = DOWNLOAD_SECONDS
    watermark_id: str | None = None
