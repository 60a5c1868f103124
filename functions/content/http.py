"""Routes of content."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.content.errors import (
    BodyTooLarge,
    CategoryNotFound,
    ContentIncomplete,
    ContentNotFound,
    ContentRemoved,
    InvalidState,
    MediaNotFound,
    MediaNotReady,
    NotContentEditor,
    NotContentOwner,
    PlanNotFound,
    PriceRequired,
    PublishAtInPast,
    TrialNotOffered,
    VersionConflict,
    VersionNotFound,
)
from functions.content.models import Kind, Status
from functions.content.schemas import (
    AccessControl,
    AccessControlChange,
    Category,
    Content,
    ContentBrief,
    ContentChange,
    ContentIn,
    DeletedOut,
    DraftBrief,
    PublishIn,
    RenderIn,
    RenderOut,
    ScheduleIn,
    TrialOut,
    VersionBrief,
    VersionOut,
)
from functions.content.service import drafts, publishing, reading, rendering, walls
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, Creator, Public, SignedIn
from shared.http.envelope import BIGINT_MAX, Answer, Items, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE, tags=["content"])
AnId = Annotated[int | None, Query(ge=1, le=BIGINT_MAX)]


@router.post(
    "/contents/create", status_code=201, responses=problems(CategoryNotFound, MediaNotFound, PlanNotFound, PriceRequired)
)
async def create(body: ContentIn, caller: Creator, db: Write, context: Context) -> Answer[Content]:
    """Create a draft article, audio or video."""
    content_id = drafts.create(db, caller, body)
    return answer(reading.for_author(db, caller, content_id, context.locale))


@router.put(
    "/contents/update/{content_id:int}",
    responses=problems(
        ContentNotFound, NotContentEditor, VersionConflict, CategoryNotFound, MediaNotFound, PlanNotFound, PriceRequired
    ),
)
async def update(content_id: PathId, body: ContentChange, caller: Creator, db: Write, context: Context) -> Answer[Content]:
    """Update a content; a change of title, body or media makes a new version."""
    drafts.update(db, caller, content_id, body)
    return answer(reading.for_author(db, caller, content_id, context.locale))


@router.delete("/contents/delete/{content_id:int}", responses=problems(ContentNotFound, NotContentOwner))
async def delete(content_id: PathId, caller: Creator, db: Write) -> Answer[DeletedOut]:
    """Delete a content; it can be restored for 30 days."""
    return answer(drafts.delete(db, caller, content_id))


@router.get("/contents/detail/{content_id:int}", responses=problems(ContentNotFound, ContentRemoved))
async def detail(
    content_id: PathId,
    viewer: Public,
    db: Read,
    context: Context,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Answer[Content]:
    """A content; without access only its trial part (`is_preview`). Counts a view."""
    return answer(reading.detail(db, viewer, context, content_id, version))


@router.get("/contents/list")
async def listed(
    *,
    viewer: Public,
    db: Read,
    context: Context,
    query: Paging,
    author_id: AnId = None,
    kind: Kind | None = None,
    category_id: AnId = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=30)] = None,
    status: Status | None = None,
    featured: bool | None = None,
) -> Answer[Page[ContentBrief]]:
    """Published contents; with one's own author_id those of every status."""
    filters: dict[str, object] = {
        "author_id": author_id,
        "kind": kind,
        "category_id": category_id,
        "tag": tag,
        "status": status,
        "featured": featured,
    }
    return answer(reading.listed(db, viewer, query, filters, context.locale))


@router.get("/categories/list")
async def categories(
    _viewer: Public, db: Read, context: Context, parent_id: AnId = None, flat: bool = False
) -> Answer[Items[Category]]:
    """The category tree."""
    items = reading.categories(db, parent_id, context.locale, flat=flat)
    return answer(Items[Category].model_construct(items=items))


@router.post(
    "/contents/publish/{content_id:int}",
    responses=problems(ContentNotFound, InvalidState, MediaNotReady, ContentIncomplete),
)
async def publish(
    content_id: PathId, caller: Creator, db: Write, context: Context, body: PublishIn | None = None
) -> Answer[Content]:
    """Publish now."""
    publishing.publish(db, caller, content_id, body.version if body else None)
    return answer(reading.for_author(db, caller, content_id, context.locale))


@router.post("/contents/draft/{content_id:int}", responses=problems(ContentNotFound, InvalidState))
async def take_back(content_id: PathId, caller: Creator, db: Write, context: Context) -> Answer[Content]:
    """Take a content back to draft: unpublish it, or cancel its schedule."""
    publishing.take_back(db, caller, content_id)
    return answer(reading.for_author(db, caller, content_id, context.locale))


@router.get("/contents/draft")
async def own_drafts(
    caller: Creator, db: Read, context: Context, query: Paging, kind: Kind | None = None
) -> Answer[Page[DraftBrief]]:
    """Own drafts and rejected contents."""
    return answer(reading.drafts(db, caller, query, kind, context.locale))


@router.post("/contents/schedule/{content_id:int}", responses=problems(ContentNotFound, InvalidState, PublishAtInPast))
async def schedule(content_id: PathId, body: ScheduleIn, caller: Creator, db: Write, context: Context) -> Answer[Content]:
    """Publish at a future time."""
    publishing.schedule(db, caller, content_id, body.publish_at)
    return answer(reading.for_author(db, caller, content_id, context.locale))


@router.get("/contents/versions/{content_id:int}", responses=problems(ContentNotFound, NotContentEditor))
async def versions(content_id: PathId, caller: Creator, db: Read, query: Paging) -> Answer[Page[VersionBrief]]:
    """The versions of a content."""
    return answer(reading.versions(db, caller, content_id, query))


@router.get("/contents/versions/{content_id:int}/{version:int}", responses=problems(VersionNotFound, NotContentEditor))
async def version(content_id: PathId, version: PathId, caller: Creator, db: Read) -> Answer[VersionOut]:
    """One version with its body."""
    return answer(reading.version(db, caller, content_id, version))


@router.get("/contents/access-control/{content_id:int}", responses=problems(ContentNotFound, NotContentOwner))
async def access_control(content_id: PathId, caller: Creator, db: Read) -> Answer[AccessControl]:
    """The paywall settings."""
    return answer(walls.shown(db, caller, content_id))


@router.put(
    "/contents/access-control/{content_id:int}",
    responses=problems(ContentNotFound, PlanNotFound, NotContentOwner, PriceRequired),
)
async def set_access_control(
    content_id: PathId, body: AccessControlChange, caller: Creator, db: Write
) -> Answer[AccessControl]:
    """Set the paywall."""
    return answer(walls.change(db, caller, content_id, body))


@router.post("/editor/render", responses=problems(BodyTooLarge))
async def render(body: RenderIn, _caller: SignedIn) -> Answer[RenderOut]:
    """Render Markdown or rich text to safe HTML, or convert between the two."""
    return answer(rendering.rendered(body))


@router.get("/contents/{content_id:int}/trial", responses=problems(ContentNotFound, TrialNotOffered))
async def trial(content_id: PathId, viewer: Public, db: Read) -> Answer[TrialOut]:
    """The trial part of paid content, and what would open the rest."""
    return answer(reading.trial_of(db, viewer, content_id))


app = create_app("content", router)
handler = lambda_handler(app)
