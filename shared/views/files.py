"""The contract's Media, made from a row of `media.pub_files` by media itself and by whoever shows files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from shared.http.envelope import Out
from shared.settings import Settings

Kind = Literal["image", "video", "audio", "document", "other"]
FileStatus = Literal["uploading", "scanning", "ready", "processing", "rejected", "deleted"]


class Variant(Out):
    """A rendition of a file."""

    name: str
    url: str
    width: int | None
    height: int | None
    size: int
    format: str


class Media(Out):
    """A file. `url` is public and set for images that are ready; other files are reached by a signed download."""

    media_id: int
    owner_id: int
    kind: Kind
    filename: str
    content_type: str
    size: int
    checksum_sha256: str | None
    status: FileStatus
    reject_reason: str | None
    url: str | None
    variants: list[Variant]
    duration_seconds: float | None
    width: int | None
    height: int | None
    category_id: int | None
    folder: str | None
    tags: list[str]
    visibility: Literal["private", "subscribers", "public"]
    version: int
    created_at: datetime


def public_url(key: str) -> str:
    """Where the CDN serves an object of the public bucket."""
    return f"{Settings.load().public_url}/media/{key}"


def media_out(row: Mapping[str, Any]) -> Media:
    """The Media of a `media.pub_files` row; from SQL or, as JSON, from inside another row (then with times as text)."""
    created_at = row["created_at"]
    return Media.model_construct(
        **{name: row[name] for name in _SAME},
        created_at=datetime.fromisoformat(created_at) if isinstance(created_at, str) else created_at,
        url=public_url(row["rendition_key"]) if row["rendition_key"] and row["status"] == "ready" else None,
        variants=[
            Variant.model_construct(
                **{name: variant[name] for name in ("name", "width", "height", "size", "format")},
                url=public_url(variant["s3_key"]),
            )
            for variant in row["variants"]
        ],
    )


_SAME = tuple(name for name in Media.model_fields if name not in {"created_at", "url", "variants"})
