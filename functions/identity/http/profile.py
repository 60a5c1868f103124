"""Routes of one's own account."""

from fastapi import APIRouter

from functions.identity.schemas.accounts import UserSelf
from functions.identity.service import profiles
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, answer
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/users", tags=["identity"])


@router.get("/profile")
async def profile(caller: SignedIn, db: Read) -> Answer[UserSelf]:
    """One's own account."""
    return answer(profiles.own(db, caller))
