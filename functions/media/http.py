"""Routes of media."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from functions.media import service
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
from functions.media.schemas import CompleteIn, DownloadOut, MediaPage, UploadIn, UploadOut
from shared.errors import UnsupportedMediaType
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Public, SignedIn
from shared.http.envelope import BIGINT_MAX, Answer, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.views.files import FileStatus, Kind, Media

router = APIRouter(prefix=BASE + "/media", tags=["media"])
Text = Annotated[str | None, Query(min_length=1, max_length=255)]


@router.post(
    "/upload",
    status_code=201,
    responses=problems(UnsupportedMediaType, FileTooLarge, StorageQuotaExceeded, CategoryNotFound),
)
async def upload(body: UploadIn, caller: SignedIn, db: Write) -> Answer[UploadOut]:
    """Start an upload: a record, and a signed address to put the bytes to (parts above 100 MB)."""
    return answer(service.start_upload(db, caller, body))


@router.post(
    "/{media_id:int}/complete",
    responses=problems(MediaNotFound, UploadIncomplete, ChecksumMismatch, TypeMismatch, MalwareDetected),
)
async def complete(media_id: PathId, caller: SignedIn, db: Write, body: CompleteIn | None = None) -> Answer[Media]:
    """Finish an upload: scanning until it has been inspected, then ready or rejected."""
    return answer(service.complete(db, caller, media_id, body or CompleteIn()))


@router.get("/{media_id:int}", responses=problems(MediaNotFound, AccessDenied))
async def detail(media_id: PathId, caller: SignedIn, db: Read) -> Answer[Media]:
    """One file with its variants."""
    return answer(service.one(db, caller, media_id))


@router.get("/list")
async def own(
    *,
    caller: SignedIn,
    db: Read,
    query: Paging,
    kind: Kind | None = None,
    category_id: Annotated[int | None, Query(ge=1, le=BIGINT_MAX)] = None,
    folder: Text = None,
    tag: Text = None,
    q: Text = None,
    status: FileStatus | None = None,
) -> Answer[MediaPage]:
    """Own files, and how much of the quota they take."""
    filters: dict[str, object] = {
        "kind": kind,
        "category_id": category_id,
        "folder": folder,
        "tag": tag,
        "q": q,
        "status": status,
    }
    return answer(service.own_files(db, caller, query, filters))


@router.get("/{media_id:int}/download", responses=problems(MediaNotFound, AccessDenied, MediaNotReady, VariantNotFound))
async def download(
    *,
    media_id: PathId,
    viewer: Public,
    db: Read,
    variant: Annotated[str | None, Query(min_length=1, max_length=50)] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    disposition: Literal["inline", "attachment"] = "attachment",
) -> Answer[DownloadOut]:
    """An address of the file, or of one of its variants, valid for 300 s."""
    inline = disposition == "inline"
    return answer(service.download(db, viewer, media_id, variant=variant, version=version, inline=inline))


app = create_app("media", router)
handler = lambda_handler(app)
