"""Files: what may be uploaded, where it is kept, and the rules true of one of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.views.access import Paywall
from shared.views.files import FileStatus, Kind, Media, media_out

Visibility = Literal["private", "public"]
MULTIPART_ABOVE = 100 * 1024**2
PART_BYTES = 64 * 1024**2
UPLOAD_SECONDS = 900
DOWNLOAD_SECONDS = 300

# SVG and HTML are missing on purpose: a browser would run them.
_KINDS: dict[str, Kind] = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/webp": "image",
    "image/gif": "image",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/aac": "audio",
    "audio/ogg": "audio",
    "audio/wav": "audio",
    "audio/flac": "audio",
    "video/mp4": "video",
    "video/webm": "video",
    "video/quicktime": "video",
    "application/pdf": "document",
    "text/plain": "document",
    "text/markdown": "document",
    "text/csv": "document",
    "application/epub+zip": "document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "document",
    "application/zip": "other",
}
_SAME_AS = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-aac": "audio/aac",
    "application/ogg": "audio/ogg",
    "application/x-zip-compressed": "application/zip",
}
_INLINE = ("image/", "audio/", "video/", "application/pdf")


@dataclass(frozen=True, slots=True)
class Declared:
    """An upload as its owner announces it; `content_type` in its one canonical spelling."""

    filename: str
    content_type: str
    kind: Kind
    size: int
    checksum_sha256: str | None
    visibility: Visibility
    category_id: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of ours: what people see of it, and where its original lies."""

    media: Media
    s3_key: str
    upload_id: str | None

    @property
    def status(self) -> FileStatus:
        """Where it is between announced and ready."""
        return self.media.status


@dataclass(frozen=True, slots=True)
class Reachable:
    """A file someone asks for: where the wanted version lies, and the paywalls of the works it is part of."""

    media: Media
    s3_key: str
    paywalls: tuple[Paywall, ...]


def stored(row: Mapping[str, Any]) -> Stored:
    """From a row of `media.pub_files` with `s3_key` and `upload_id` beside it."""
    return Stored(media_out(row), row["s3_key"], row["upload_id"])


def canonical_type(declared: str) -> str:
    """A declared content type without parameters and by its usual name."""
    plain = declared.partition(";")[0].strip().lower()
    return _SAME_AS.get(plain, plain)


def kind_of(content_type: str) -> Kind | None:
    """The kind a canonical content type belongs to; None when it may not be uploaded."""
    return _KINDS.get(content_type)


def size_limit_key(kind: Kind) -> str:
    """The tunable that limits a file of this kind; archives count as documents."""
    return f"media.max_bytes.{'document' if kind == 'other' else kind}"


def safe_name(filename: str) -> str:
    """A name that means the same in a key, a URL and a shell; the one people gave is kept beside it."""
    base = filename.replace("\\", "/").rsplit("/", 1)[-1]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", base).strip("-.")
    return plain[-80:].strip("-.") or "file"


def part_sizes(size: int) -> list[int]:
    """The sizes of the parts of a multipart upload, in order."""
    whole, rest = divmod(size, PART_BYTES)
    return [PART_BYTES] * whole + ([rest] if rest else [])


def rendition_key(media_id: int, version: int, name: str, checksum_sha256: str) -> str:
    """A key in the public bucket that cannot be guessed from the id: it holds part of the original's hash."""
    return f"r/{media_id}/v{version}/{name}-{checksum_sha256[:20]}.webp"


def inline_allowed(content_type: str) -> bool:
    """Whether a browser may show the file in place; text of any kind is only ever downloaded."""
    return content_type.startswith(_INLINE)
