"""The route of one-time codes."""

from fastapi import APIRouter

from functions.identity.errors import CodeTooFrequent, TargetInvalid
from functions.identity.schemas.sessions import CodeIn, CodeSent
from functions.identity.service import codes
from shared.http.app import BASE
from shared.http.auth import Context, Public
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/auth", tags=["identity"])


@router.post("/verification-codes", responses=problems(CodeTooFrequent, TargetInvalid))
async def request_code(body: CodeIn, _viewer: Public, context: Context, db: Read) -> Answer[CodeSent]:
    """Have a one-time code sent; the answer is the same whether or not the target has an account."""
    seconds = codes.request(db, body.channel, body.target, body.purpose, context.locale)
    return answer(CodeSent.model_construct(expires_in=seconds, retry_after=codes.GAP_SECONDS))
