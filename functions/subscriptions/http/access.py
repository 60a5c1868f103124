"""What the caller may use."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, model_validator

from functions.subscriptions.errors import ContentNotFound, PlanNotFound
from functions.subscriptions.schemas import AccessOut, PermissionsOut
from functions.subscriptions.service import access
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Id, answer
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/subscriptions", tags=["subscriptions"])


class Thing(BaseModel):
    """The query of SUB-012: exactly one thing."""

    content_id: Id | None = None
    media_id: Id | None = None
    creator_id: Id | None = None
    plan_id: Id | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            sentences = "content_id、media_id、creator_id、plan_id 须且仅须给出一个|give exactly one of content_id, media_id, creator_id, plan_id"
            raise ValueError(sentences)
        return self


@router.get("/access-check", responses=problems(ContentNotFound, PlanNotFound))
async def check_access(thing: Annotated[Thing, Query()], caller: SignedIn, db: Read) -> Answer[AccessOut]:
    """May the caller use a content, a file, a creator's or a plan's benefits; and what is lacking if not."""
    if thing.content_id is not None:
        return answer(access.to_content(db, caller, thing.content_id))
    if thing.media_id is not None:
        return answer(access.to_file(db, caller, thing.media_id))
    if thing.creator_id is not None:
        return answer(access.to_creator(db, caller, thing.creator_id))
    return answer(access.to_plan(db, caller, thing.plan_id or 0))


@router.get("/permissions")
async def permissions(caller: SignedIn, db: Read) -> Answer[PermissionsOut]:
    """Rights the caller holds through plans and membership."""
    return answer(access.permissions(db, caller))
