"""Real-name and creator verification: handing in, looking, deciding (rules.md §3: pending -> approved / rejected)."""

from typing import Any, Literal

from psycopg.errors import UniqueViolation

from events.identity import CreatorApproved, VerificationDecided
from functions.identity import id_numbers, keyed
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
from functions.identity.models import NewIdentity
from functions.identity.schemas.verifications import CreatorIn, IdentityIn, Kind, ReviewIn, Verification
from functions.identity.store import verifications as store
from shared import clock, crypto, observe
from shared.errors import ValidationFailed
from shared.i18n import Locale, validation_sentence
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection


def submit_identity(db: Connection, uid: int, wanted: IdentityIn) -> Verification:
    """Hand in a real name and a document. Raises IdNumberInvalid, AlreadyVerified, VerificationPending or MediaNotFound."""
    now = clock.now()
    number = id_numbers.normalised(wanted.id_type, wanted.id_number, now.astimezone(clock.SHANGHAI).date())
    if number is None:
        raise IdNumberInvalid
    status = store.standing(db, uid).identity_status
    if status == "approved":
        raise AlreadyVerified
    if status == "pending":
        raise VerificationPending
    media_ids = [one for one in (wanted.front_media_id, wanted.back_media_id) if one is not None]
    if not store.has_ready_images(db, uid, media_ids):
        raise MediaNotFound
    new = NewIdentity(
        uid=uid,
        real_name=crypto.encrypt(wanted.real_name, _context(uid, "real_name")),
        real_name_masked=crypto.mask_name(wanted.real_name),
        id_type=wanted.id_type,
        id_number=crypto.encrypt(number, _context(uid, "id_number")),
        id_number_masked=crypto.mask_id_number(number),
        id_number_hash=keyed.digest("id number", f"{wanted.id_type}:{number}"),
        media_ids=media_ids,
    )
    try:
        row = store.insert_identity(db, new, now)
    except UniqueViolation as error:
        raise VerificationPending from error
    return Verification.model_construct(
        **row,
        user_id=uid,
        kind="identity",
        status="pending",
        real_name_masked=new.real_name_masked,
        id_type=new.id_type,
        id_number_masked=new.id_number_masked,
        payload={"media_ids": new.media_ids} if new.media_ids else None,
    )


def apply_as_creator(db: Connection, uid: int, wanted: CreatorIn) -> Verification:
    """Ask for creator certification. Raises AlreadyCreator, IdentityNotVerified or VerificationPending."""
    standing = store.standing(db, uid)
    if standing.is_creator:
        raise AlreadyCreator
    if standing.identity_status != "approved":
        raise IdentityNotVerified
    if standing.is_creator_pending:
        raise VerificationPending
    payload = wanted.model_dump()
    try:
        row = store.insert_creator(db, uid, payload, clock.now())
    except UniqueViolation as error:
        raise VerificationPending from error
    return Verification.model_construct(**row, user_id=uid, kind="creator", status="pending", payload=payload)


def own(db: Connection, uid: int, kind: Kind) -> Verification:
    """The user's last verification of a kind. Raises VerificationNotFound."""
    found = store.latest(db, uid, kind)
    if found is None:
        raise VerificationNotFound
    return found


def review(db: Connection, verification_id: int, reviewer_id: int, wanted: ReviewIn, locale: Locale) -> Verification:
    """Decide a verification, which is announced, so that the applicant is told; a creator's approval grants the role.

    A number or an address that the reviewer put into the comment is masked: the comment travels further than the document.
    Raises VerificationNotFound, AlreadyReviewed, or AlreadyVerified when the id number is someone else's already.
    """
    if wanted.action == "reject" and not wanted.comment:
        raise ValidationFailed([{"field": "body.comment", "message": validation_sentence("missing", {}, locale)}])
    now = clock.now()
    status: Literal["approved", "rejected"] = "approved" if wanted.action == "approve" else "rejected"
    comment = observe.mask_text(wanted.comment) if wanted.comment else None
    try:
        decided = store.decide(db, verification_id, status, reviewer_id=reviewer_id, comment=comment, at=now)
    except UniqueViolation as error:
        raise AlreadyVerified from error
    if decided is None:
        raise AlreadyReviewed if store.exists(db, verification_id) else VerificationNotFound
    outbox.record(
        db,
        VerificationDecided(
            event_id=new_ulid(),
            occurred_at=now,
            verification_id=verification_id,
            uid=decided.user_id,
            kind=decided.kind,
            status=status,
            comment=comment,
            decided_at=now,
        ),
    )
    if decided.kind == "creator" and status == "approved":
        outbox.record(db, CreatorApproved(event_id=new_ulid(), occurred_at=now, uid=decided.user_id, approved_at=now))
    return decided


def _context(uid: int, column: str) -> dict[str, Any]:
    return {"table": "user_verifications", "column": column, "uid": str(uid)}
