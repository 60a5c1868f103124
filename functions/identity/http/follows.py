"""Routes of the follow graph."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.identity.errors import CannotFollowSelf, ListHidden, UserNotFound
from functions.identity.schemas.profiles import Followed, Following
from functions.identity.service import follows
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import BIGINT_MAX, Answer, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/users", tags=["identity"])

UserId = Annotated[int | None, Query(ge=0, le=BIGINT_MAX)]


@router.post("/follow/{user_id:int}", responses=problems(UserNotFound, CannotFollowSelf))
async def follow(user_id: PathId, caller: SignedIn, db: Read) -> Answer[Following]:
    """Follow someone; again is the same as once. They are told, once a day at most."""
    return answer(Following.model_construct(following=True, followers_count=follows.begin(db, caller.uid, user_id)))


@router.delete("/unfollow/{user_id:int}", responses=problems(UserNotFound))
async def unfollow(user_id: PathId, caller: SignedIn, db: Read) -> Answer[Following]:
    """Unfollow someone; again is the same as once."""
    return answer(Following.model_construct(following=False, followers_count=follows.end(db, caller.uid, user_id)))


@router.get("/followers", responses=problems(UserNotFound, ListHidden))
async def followers(caller: SignedIn, db: Read, query: Paging, user_id: UserId = None) -> Answer[Page[Followed]]:
    """Who follows the caller, or another user who shows it; the newest first."""
    return answer(follows.page(db, caller.uid, user_id, "followers", query))


@router.get("/following", responses=problems(UserNotFound, ListHidden))
async def following(caller: SignedIn, db: Read, query: Paging, user_id: UserId = None) -> Answer[Page[Followed]]:
    """Whom the caller follows, or another user who shows it; the newest first."""
    return answer(follows.page(db, caller.uid, user_id, "following", query))
