"""What people can do with their files. Inspection of what was uploaded is in `inspection.py`, which needs Pillow."""

from collections.abc import Sequence
from datetime import timedelta

from functions.media import objects, store
from functions.media.errors import (
    AccessDenied,
    CategoryNotFound,
    ChecksumMismatch,
    FileTooLarge,
    MalwareDetected,
    MediaNotFound,
    MediaNotReady,
    StorageQuotaExceeded,
    TypeMismatch,
    UploadIncomplete,
    VariantNotFound,
)
from functions.media.models import (
    MULTIPART_ABOVE,
    Declared,
    Reachable,
    Stored,
    canonical_type,
    kind_of,
    safe_name,
    size_limit_key,
)
from functions.media.schemas import CompleteIn, DownloadOut, MediaPage, PartIn, UploadIn, UploadOut
from shared import clock
from shared.caller import Caller
from shared.errors import Refusal, UnsupportedMediaType
from shared.paging import PageQuery
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable
from shared.views.access import may_use
from shared.views.files import Media, media_out

_REFUSED_AS: dict[str | None, type[Refusal]] = {
    "type_mismatch": TypeMismatch,
    "malware_detected": MalwareDetected,
    "checksum_mismatch": ChecksumMismatch,
}
_ABANDONED_AFTER = timedelta(hours=24)
_EXPIRED_AT_ONCE = 200


def start_upload(db: Connection, caller: Caller, wanted: UploadIn) -> UploadOut:
    """Announce a file and say where to put it; its room is reserved from now on."""
    declared = _declared(wanted)
    limit = tunable(db, size_limit_key(declared.kind))
    if declared.size > limit:
        raise FileTooLarge(limit_bytes=limit, kind=declared.kind)
    quota = quota_of(db, caller)
    announced = store.announce(db, caller.uid, declared, name=safe_name(declared.filename), quota=quota, at=clock.now())
    if not announced.category_known:
        raise CategoryNotFound
    if announced.media_id is None:
        raise StorageQuotaExceeded(quota_bytes=quota)
    file = store.find(db, announced.media_id)
    if declared.size <= MULTIPART_ABOVE:
        return UploadOut.model_construct(media=file.media, upload=objects.single_target(file))
    target = objects.multipart_target(file)
    store.remember_multipart(db, file.media.media_id, str(target.upload_id))
    return UploadOut.model_construct(media=file.media, upload=target)


def _declared(wanted: UploadIn) -> Declared:
    content_type = canonical_type(wanted.content_type)
    kind = kind_of(content_type)
    if kind is None:
        raise UnsupportedMediaType(content_type=content_type)
    checksum = wanted.checksum_sha256.lower() if wanted.checksum_sha256 else None
    return Declared(wanted.filename, content_type, kind, wanted.size, checksum, wanted.visibility, wanted.category_id)


def quota_of(db: Connection, caller: Caller) -> int:
    """How many bytes the caller's files may take."""
    return int(tunable(db, f"media.quota_bytes.{'creator' if caller.is_creator else 'user'}"))


def complete(db: Connection, caller: Caller, media_id: int, sent: CompleteIn) -> Media:
    """The client says it has sent everything: see that it is so, and say how far the inspection is.

    The inspection is started by S3 itself; this call neither starts nor waits for it.
    """
    file = store.lock(db, media_id)
    if file is None or file.media.owner_id != caller.uid:
        raise MediaNotFound
    if file.status == "uploading":
        _see_it_arrived(file, sent.parts or [])
        store.mark_scanning(db, media_id, clock.now())
        return file.media.model_copy(update={"status": "scanning"})
    if file.status == "rejected" and (refusal := _REFUSED_AS.get(file.media.reject_reason)):
        raise refusal(media_id=media_id)
    return file.media


def _see_it_arrived(file: Stored, parts: Sequence[PartIn]) -> None:
    if file.upload_id is not None:
        if not parts:
            raise UploadIncomplete(missing="parts")
        try:
            objects.assemble(file.s3_key, file.upload_id, parts)
        except objects.PartsRefused as refused:
            raise UploadIncomplete(reason=str(refused)) from refused
    found = objects.arrived(file.s3_key)
    if found is None:
        raise UploadIncomplete(expected_size=file.media.size)
    if found.size != file.media.size:
        raise UploadIncomplete(expected_size=file.media.size, size=found.size)
    declared = file.media.checksum_sha256
    if declared and found.checksum_sha256 and found.checksum_sha256 != declared:
        raise ChecksumMismatch(expected=declared, found=found.checksum_sha256)


def one(db: Connection, caller: Caller, media_id: int) -> Media:
    """A file the caller may use."""
    file = _reachable(store.reach(db, media_id))
    _check_access(db, caller, file)
    return file.media


def own_files(db: Connection, caller: Caller, query: PageQuery, filters: dict[str, object]) -> MediaPage:
    """The caller's files, and the room they take."""
    page = store.FILES.page(db, query, {"owner_id": caller.uid} | filters, media_out)
    return MediaPage.model_construct(
        **dict(page), used_bytes=store.used_bytes(db, caller.uid), quota_bytes=quota_of(db, caller)
    )


def download(
    db: Connection,
    viewer: Caller | None,
    media_id: int,
    *,
    variant: str | None,
    version: int | None,
    inline: bool,
) -> DownloadOut:
    """An address of a file or of one of its variants, for whoever may use it.

    Others than the owner and staff get the widest rendition of an image instead of the original, which still carries
    what the camera wrote into it, places included.
    """
    file = _reachable(store.reach(db, media_id, version))
    insider = _check_access(db, viewer, file)
    media = file.media
    if media.status != "ready":
        raise MediaNotReady(status=media.status)
    if variant is not None:
        chosen = [made for made in media.variants if made.name == variant]
        if not chosen:
            raise VariantNotFound(variants=[made.name for made in media.variants])
        return DownloadOut(url=chosen[0].url)
    if media.kind == "image" and media.variants and not insider:
        return DownloadOut(url=media.variants[0].url)
    return DownloadOut(url=objects.download_url(file.s3_key, media.filename, media.content_type, inline=inline))


def _reachable(file: Reachable | None) -> Reachable:
    if file is None:
        raise MediaNotFound
    return file


def _check_access(db: Connection, viewer: Caller | None, file: Reachable) -> bool:
    """Raise AccessDenied unless the viewer may use the file; True for its owner and for staff."""
    media = file.media
    if viewer is not None and (viewer.uid == media.owner_id or viewer.may("media:read")):
        return True
    if media.visibility == "public" and media.status == "ready":
        return False
    now, uid = clock.now(), viewer.uid if viewer else None
    if any(may_use(db, wall, uid, now).allowed for wall in file.paywalls):
        return False
    raise AccessDenied


def expire_uploads() -> int:
    """Drop uploads that were announced a day ago and never came; how many."""
    now = clock.now()
    done = 0
    while True:
        with unit_of_work() as db:
            gone = store.expire(db, now - _ABANDONED_AFTER, now, _EXPIRED_AT_ONCE)
        for upload in gone:
            if upload.upload_id is not None:
                objects.abandon(upload.s3_key, upload.upload_id)
            objects.remove(upload.s3_key)
        done += len(gone)
        if len(gone) < _EXPIRED_AT_ONCE:
            return done
