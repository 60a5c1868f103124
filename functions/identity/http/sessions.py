"""Routes of one's own sessions."""

from typing import Annotated

from fastapi import APIRouter, Path

from functions.identity.errors import SessionNotFound
from functions.identity.schemas.security import Session
from functions.identity.schemas.sessions import Revoked
from functions.identity.service import session_list
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Page, answer
from shared.http.paging import Paging
from shared.http.problems import problems

router = APIRouter(prefix=BASE + "/users/sessions", tags=["identity"])


@router.get("")
async def active(caller: SignedIn, query: Paging) -> Answer[Page[Session]]:
    """The sessions in which one's account is signed in."""
    return answer(session_list.page(caller, query))


@router.delete("/{session_id}", responses=problems(SessionNotFound))
async def revoke(session_id: Annotated[str, Path(max_length=64)], caller: SignedIn) -> Answer[Revoked]:
    """End one session; its tokens count no more within 30 s."""
    return answer(Revoked.model_construct(revoked=session_list.revoke(caller, session_id)))
