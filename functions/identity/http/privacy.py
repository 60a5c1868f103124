"""Routes of one's privacy settings."""

from fastapi import APIRouter

from functions.identity.schemas.privacy import Privacy, PrivacyIn
from functions.identity.service import privacy
from shared.http.app import BASE
from shared.http.auth import Context, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/users", tags=["identity"])


@router.get("/privacy")
async def own_privacy(caller: SignedIn, db: Read) -> Answer[Privacy]:
    """The caller's privacy settings."""
    return answer(privacy.own(db, caller.uid))


@router.put("/privacy")
async def change_privacy(body: PrivacyIn, caller: SignedIn, context: Context, db: Write) -> Answer[Privacy]:
    """Change some of them; every change of a consent is logged with time and address."""
    return answer(privacy.change(db, caller.uid, body, context.ip))
