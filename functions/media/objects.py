"""The objects behind files: the private bucket holds originals under `u/`, the public one renditions under `r/`.

An address to upload to is signed for one size, one type and an empty key, so that nothing can be put in the place of a
file that has passed its checks.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from functions.media.models import DOWNLOAD_SECONDS, UPLOAD_SECONDS, Stored, inline_allowed, part_sizes
from functions.media.schemas import PartIn, PartOut, UploadTarget
from shared import aws
from shared.settings import Settings

_CHUNK = 1024 * 1024
# Without the right to list, S3 says 403 of a key that is not there.
_ABSENT = frozenset({"404", "403", "NoSuchKey", "AccessDenied"})
_FOREVER = "public, max-age=31536000, immutable"


class Buckets(Settings):
    """Where media keeps its objects."""

    bucket_media_private: str
    bucket_media_public: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An object that is there; the checksum when S3 keeps one, in hex."""

    size: int
    checksum_sha256: str | None


class PartsRefused(Exception):  # noqa: N818 - S3's answer about parts a client names
    """S3 could not put the parts together."""


def _s3() -> Any:
    return aws.client("s3")


def _private(key: str) -> dict[str, str]:
    return {"Bucket": Buckets.load().bucket_media_private, "Key": key}


def single_target(file: Stored) -> UploadTarget:
    """One PUT of the whole file."""
    media = file.media
    headers = {"Content-Type": media.content_type, "If-None-Match": "*"}
    signed: dict[str, Any] = {"ContentType": media.content_type, "ContentLength": media.size, "IfNoneMatch": "*"}
    if media.checksum_sha256:
        signed["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(media.checksum_sha256)).decode()
        headers["x-amz-checksum-sha256"] = signed["ChecksumSHA256"]
    url = _s3().generate_presigned_url("put_object", Params=_private(file.s3_key) | signed, ExpiresIn=UPLOAD_SECONDS)
    return UploadTarget(mode="single", method="PUT", url=url, headers=headers, fields=None, upload_id=None, parts=None)


def multipart_target(file: Stored) -> UploadTarget:
    """One PUT for each part; S3 takes no other size than the one signed."""
    upload_id = str(_s3().create_multipart_upload(**_private(file.s3_key), ContentType=file.media.content_type)["UploadId"])
    parts = [
        PartOut(
            part_number=number,
            url=_s3().generate_presigned_url(
                "upload_part",
                Params=_private(file.s3_key) | {"UploadId": upload_id, "PartNumber": number, "ContentLength": size},
                ExpiresIn=UPLOAD_SECONDS,
            ),
        )
        for number, size in enumerate(part_sizes(file.media.size), 1)
    ]
    return UploadTarget(mode="multipart", method="PUT", url=None, headers={}, fields=None, upload_id=upload_id, parts=parts)


def assemble(key: str, upload_id: str, parts: Sequence[PartIn]) -> None:
    """Make the object of its parts; an upload already put together is left as it is. Raises PartsRefused."""
    in_order = sorted(parts, key=lambda part: part.part_number)
    named = [{"PartNumber": part.part_number, "ETag": part.etag} for part in in_order]
    try:
        _s3().complete_multipart_upload(**_private(key), UploadId=upload_id, MultipartUpload={"Parts": named})
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "InvalidRequest"}:
            raise PartsRefused(code) from error
        if code != "NoSuchUpload":
            raise


def abandon(key: str, upload_id: str) -> None:
    """Give up a multipart upload and the parts that came; one that is gone is given up already."""
    try:
        _s3().abort_multipart_upload(**_private(key), UploadId=upload_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise


def arrived(key: str) -> Arrived | None:
    """What lies under a key, or None when nothing does."""
    try:
        found = _s3().head_object(**_private(key), ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
    checksum = str(found.get("ChecksumSHA256", ""))
    # A multipart upload has a checksum of checksums, `…-3`, which says nothing about the whole.
    whole = base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None
    return Arrived(int(found["ContentLength"]), whole)


def chunks(key: str) -> Iterator[bytes]:
    """The bytes of an original, a megabyte at a time; none at all when it is gone."""
    try:
        body = _s3().get_object(**_private(key))["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return
        raise
    yield from body.iter_chunks(_CHUNK)


def remove(key: str) -> None:
    """Delete an original; deleting what is gone is no error."""
    _s3().delete_object(**_private(key))


def publish_rendition(key: str, data: bytes) -> None:
    """Store a rendition for the CDN; the same key always gets the same bytes."""
    _s3().put_object(
        Bucket=Buckets.load().bucket_media_public, Key=key, Body=data, ContentType="image/webp", CacheControl=_FOREVER
    )


def download_url(key: str, media_filename: str, content_type: str, *, inline: bool) -> str:
    """A signed address of an original, valid for 300 s, which names the file as its owner did."""
    disposition = "inline" if inline and inline_allowed(content_type) else "attachment"
    name = f"{disposition}; filename*=UTF-8''{quote(media_filename, safe='')}"
    overrides = {"ResponseContentDisposition": name, "ResponseContentType": content_type}
    url = _s3().generate_presigned_url("get_object", Params=_private(key) | overrides, ExpiresIn=DOWNLOAD_SECONDS)
    return str(url)
