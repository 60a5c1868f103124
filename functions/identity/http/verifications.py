"""Routes of real-name and creator verification, and the operators' review."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.identity.errors import (
    AlreadyCreator,
    AlreadyReviewed,
    AlreadyVerified,
    IdentityNotVerified,
    IdNumberInvalid,
    MediaNotFound,
    VerificationNotFound,
    VerificationPending,
)
from functions.identity.schemas.verifications import CreatorIn, IdentityIn, Kind, ReviewIn, Status, Verification
from functions.identity.service import profiles, verifications
from functions.identity.store.verifications import QUEUE
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, SignedIn, staff
from shared.http.envelope import BIGINT_MAX, Answer, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps, Write
from shared.sql.audit import operator_action
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE, tags=["identity"])


@router.post(
    "/users/identity-verify",
    status_code=201,
    responses=problems(VerificationPending, AlreadyVerified, IdNumberInvalid, MediaNotFound),
)
async def submit_identity(body: IdentityIn, caller: SignedIn, db: Write) -> Answer[Verification]:
    """Hand in a real name and a document; kept encrypted, shown masked."""
    return answer(verifications.submit_identity(db, caller.uid, body))


@router.get("/users/identity-verify", responses=problems(VerificationNotFound))
async def own_identity(caller: SignedIn, db: Read) -> Answer[Verification]:
    """The caller's last real-name verification."""
    return answer(verifications.own(db, caller.uid, "identity"))


@router.post(
    "/users/creator-apply",
    status_code=201,
    responses=problems(IdentityNotVerified, VerificationPending, AlreadyCreator),
)
async def apply_as_creator(body: CreatorIn, caller: SignedIn, db: Write) -> Answer[Verification]:
    """Ask for creator certification."""
    return answer(verifications.apply_as_creator(db, caller.uid, body))


@router.get("/users/creator-apply", responses=problems(VerificationNotFound))
async def own_creator_application(caller: SignedIn, db: Read) -> Answer[Verification]:
    """The caller's last creator application."""
    return answer(verifications.own(db, caller.uid, "creator"))


@router.get("/admin/verifications")
async def review_queue(
    *,
    _caller: Annotated[Caller, staff("verification:read", "operator")],
    db: Read,
    query: Paging,
    kind: Kind | None = None,
    status: Status | None = None,
    user_id: Annotated[int | None, Query(ge=0, le=BIGINT_MAX)] = None,
) -> Answer[Page[Verification]]:
    """Verifications to review, of both kinds."""
    filters = {"kind": kind, "status": status, "user_id": user_id}
    return answer(QUEUE.page(db, query, filters, lambda row: Verification.model_construct(**row)))


@router.post(
    "/admin/verifications/{verification_id:int}/review",
    responses=problems(VerificationNotFound, AlreadyReviewed, AlreadyVerified),
)
async def review(
    *,
    verification_id: PathId,
    body: ReviewIn,
    caller: Annotated[Caller, staff("verification:review", "operator")],
    context: Context,
    _steps: Steps,
) -> Answer[Verification]:
    """Decide a verification. Once it is committed, an approved creator's live sessions get the role."""
    with unit_of_work() as db:
        decided = verifications.review(db, verification_id, caller.uid, body, context.locale)
        operator_action(
            db,
            caller,
            context,
            "review_verification",
            ("verification", verification_id),
            user_id=decided.user_id,
            kind=decided.kind,
            before={"status": "pending"},
            after={"status": decided.status, "comment": decided.comment},
        )
    if decided.kind == "creator" and decided.status == "approved":
        profiles.spread(decided.user_id)
    return answer(decided)
