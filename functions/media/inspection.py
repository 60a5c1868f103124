"""What happens to a file once its bytes are there: looked through from end to end, then made ready or turned away."""

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from events.media import MediaReady, MediaRejected
from functions.media import objects, renditions, store
from functions.media.models import Stored, rendition_key
from functions.media.renditions import Picture
from functions.media.sniff import HEAD_BYTES, malware_watch, same_type, sniff
from shared import clock, observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work
from shared.views.files import Media


@dataclass(frozen=True, slots=True)
class Seen:
    """What going through the bytes has shown; `data` only of images, which are small enough to keep."""

    size: int
    checksum_sha256: str
    detected_type: str | None
    malware: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome: a reason to turn the file away, or the picture in it if it is an image."""

    reject_reason: str | None
    picture: Picture | None = None


def on_notice(notice: dict[str, Any]) -> None:
    """One S3 notice, which may name several objects; the test message S3 sends at set-up names none."""
    for record in notice.get("Records", ()):
        inspect(unquote_plus(record["s3"]["object"]["key"]))


def inspect(key: str) -> None:
    """Settle the file under this key once; a notice that comes again changes nothing."""
    with reading() as db:
        file = store.find_by_key(db, key)
    if file is None:
        observe.warn("object of no file", key=key)
        return
    if file.status in {"uploading", "scanning"}:
        seen = _look_through(file)
        if seen.size == 0:
            observe.warn("object is gone", key=key)
            return
        if not _settle(file, seen, _judge(file, seen)):
            return
    elif file.status != "rejected":
        return
    objects.remove(key)


def _look_through(file: Stored) -> Seen:
    digest, watch = hashlib.sha256(), malware_watch()
    head, kept, size, malware = b"", bytearray(), 0, False
    for chunk in objects.chunks(file.s3_key):
        head = head or chunk[:HEAD_BYTES]
        size += len(chunk)
        digest.update(chunk)
        malware = watch(chunk)
        if file.media.kind == "image" and size <= file.media.size:
            kept += chunk
    return Seen(size, digest.hexdigest(), sniff(head), malware, bytes(kept))


def _judge(file: Stored, seen: Seen) -> Finding:
    reason = _mismatch(file.media, seen)
    if reason is not None or file.media.kind != "image":
        return Finding(reason)
    try:
        return Finding(None, renditions.render(seen.data, file.media.content_type))
    except renditions.ImageRefused as refused:
        return Finding(refused.reason)


def _mismatch(media: Media, seen: Seen) -> str | None:
    """Why the bytes are not what was announced; malware outranks everything."""
    if seen.malware:
        return "malware_detected"
    if seen.size != media.size:
        return "size_mismatch"
    if media.checksum_sha256 not in {None, seen.checksum_sha256}:
        return "checksum_mismatch"
    return None if same_type(media.content_type, seen.detected_type) else "type_mismatch"


def _settle(file: Stored, seen: Seen, finding: Finding) -> bool:
    """Whether this run turned the file away; another may have settled it meanwhile.

    Renditions first, under keys that depend on the bytes alone; then one transaction says that they count.
    """
    media, now = file.media, clock.now()
    variants = _store_renditions(file, seen, finding.picture)
    with unit_of_work() as db:
        if finding.reject_reason is not None:
            rejected = store.reject(db, media.media_id, finding.reject_reason, seen.detected_type, now)
            if rejected:
                outbox.record(
                    db,
                    MediaRejected(
                        event_id=new_ulid(),
                        occurred_at=now,
                        media_id=media.media_id,
                        owner_id=media.owner_id,
                        reason=finding.reject_reason,
                    ),
                )
            return rejected
        picture = finding.picture
        metadata = {"width": picture.width, "height": picture.height} if picture else {}
        if store.accept(
            db,
            media.media_id,
            detected_type=str(seen.detected_type),
            checksum_sha256=seen.checksum_sha256,
            metadata=metadata,
            variants=variants,
            at=now,
        ):
            outbox.record(
                db,
                MediaReady(
                    event_id=new_ulid(), occurred_at=now, media_id=media.media_id, owner_id=media.owner_id, kind=media.kind
                ),
            )
    return False


def _store_renditions(file: Stored, seen: Seen, picture: Picture | None) -> list[dict[str, Any]]:
    made = []
    for rendition in picture.renditions if picture else ():
        key = rendition_key(file.media.media_id, file.media.version, rendition.name, seen.checksum_sha256)
        objects.publish_rendition(key, rendition.data)
        made.append(
            {
                "name": rendition.name,
                "s3_key": key,
                "format": "webp",
                "width": rendition.width,
                "height": rendition.height,
                "size": len(rendition.data),
            }
        )
    return made
