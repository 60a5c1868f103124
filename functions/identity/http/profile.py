"""Routes of one's own account, and of profiles as others see them."""

from fastapi import APIRouter

from functions.identity.errors import (
    MediaNotFound,
    MediaNotReady,
    NotAnImage,
    PostNotFound,
    ProfilePrivate,
    TimezoneInvalid,
    UsernameTaken,
    UserNotFound,
)
from functions.identity.schemas.accounts import UserSelf
from functions.identity.schemas.own_profile import Avatar, AvatarIn, ProfileIn
from functions.identity.schemas.profiles import Profile
from functions.identity.service import own_profile, profiles, visibility
from shared.http.app import BASE
from shared.http.auth import Public, SignedIn
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Read, Steps, Write
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/users", tags=["identity"])


@router.get("/profile")
async def profile(caller: SignedIn, db: Read) -> Answer[UserSelf]:
    """One's own account."""
    return answer(profiles.own(db, caller))


@router.get("/profile/{user_id:int}", responses=problems(UserNotFound, ProfilePrivate))
async def public_profile(user_id: PathId, viewer: Public, db: Read) -> Answer[Profile]:
    """A user's profile; for someone signed in, also who of the two follows the other."""
    return answer(visibility.profile(db, user_id, viewer.uid if viewer else None))


@router.put("/update", responses=problems(UsernameTaken, TimezoneInvalid, PostNotFound))
async def update_profile(body: ProfileIn, caller: SignedIn, _steps: Steps) -> Answer[UserSelf]:
    """Change one's own profile. Once it is committed, live sessions speak the new language."""
    with unit_of_work() as db:
        changed = own_profile.change(db, caller.uid, body)
        account = profiles.own(db, caller)
    if "locale" in changed:
        profiles.spread(caller.uid)
    return answer(account)


@router.put("/avatar", responses=problems(MediaNotFound, MediaNotReady, NotAnImage))
async def set_avatar(body: AvatarIn, caller: SignedIn, db: Write) -> Answer[Avatar]:
    """Use one of one's own images as avatar."""
    return answer(own_profile.set_avatar(db, caller.uid, body.media_id))
