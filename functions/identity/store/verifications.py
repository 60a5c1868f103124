"""Verifications in SQL: handing one in, looking at one's own, the operators' queue and their decision."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from functions.identity.models import NewIdentity
from functions.identity.schemas.verifications import Verification
from shared.sql.connection import Connection
from shared.sql.listing import Listing

_COLUMNS: LiteralString = """
    verification_id, uid AS user_id, kind, status, real_name_masked, id_type, id_number_masked,
    coalesce(payload, CASE WHEN media_ids <> '{}' THEN jsonb_build_object('media_ids', media_ids) END) AS payload,
    comment, submitted_at, reviewed_at
"""
QUEUE: Listing[Verification] = Listing(
    columns=_COLUMNS,
    source="identity.user_verifications",
    key=("verification_id", "verification_id"),
    sorts={"submitted_at": "submitted_at", "verification_id": "verification_id"},
    default_sort="submitted_at",
    filters={"kind": "kind = %(kind)s", "status": "status = %(status)s", "user_id": "uid = %(user_id)s"},
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user stands with both kinds of verification."""

    identity_status: str
    is_creator: bool
    is_creator_pending: bool


def standing(db: Connection, uid: int) -> Standing:
    """The user's standing."""
    with db.cursor(row_factory=class_row(Standing)) as cursor:
        row = cursor.execute(
            """
            SELECT identity_status, is_creator,
                   EXISTS (SELECT 1 FROM identity.user_verifications v
                           WHERE v.uid = p.uid AND v.kind = 'creator' AND v.status = 'pending') AS is_creator_pending
            FROM identity.user_profiles p WHERE uid = %s
            """,
            (uid,),
        ).fetchone()
    assert row is not None  # noqa: S101 - every account has its profile
    return row


def has_ready_images(db: Connection, owner: int, media_ids: list[int]) -> bool:
    """Whether all of them are images of that owner which passed their checks."""
    if not media_ids:
        return True
    row = db.execute(
        """
        SELECT count(*) FROM media.pub_files
        WHERE media_id = ANY(%s) AND owner_id = %s AND kind = 'image' AND status = 'ready'
        """,
        (media_ids, owner),
    ).fetchone()
    return row is not None and row[0] == len(set(media_ids))


def insert_identity(db: Connection, new: NewIdentity, at: datetime) -> dict[str, Any]:
    """Store a real-name verification, pending. Raises UniqueViolation when one is open."""
    return _inserted(
        db,
        """
        WITH pending AS (
            UPDATE identity.user_profiles SET identity_status = 'pending', updated_at = %(at)s WHERE uid = %(uid)s
        )
        INSERT INTO identity.user_verifications (uid, kind, real_name, real_name_masked, id_type, id_number,
            id_number_masked, id_number_hash, media_ids, submitted_at, created_at, updated_at)
        VALUES (%(uid)s, 'identity', %(real_name)s, %(real_name_masked)s, %(id_type)s, %(id_number)s,
            %(id_number_masked)s, %(id_number_hash)s, %(media_ids)s, %(at)s, %(at)s, %(at)s)
        RETURNING verification_id, submitted_at
        """,
        {name: getattr(new, name) for name in NewIdentity.__slots__} | {"at": at},
    )


def insert_creator(db: Connection, uid: int, payload: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Store a creator application, pending. Raises UniqueViolation when one is open."""
    return _inserted(
        db,
        """
        INSERT INTO identity.user_verifications (uid, kind, payload, submitted_at, created_at, updated_at)
        VALUES (%(uid)s, 'creator', %(payload)s, %(at)s, %(at)s, %(at)s)
        RETURNING verification_id, submitted_at
        """,
        {"uid": uid, "payload": Jsonb(payload), "at": at},
    )


def _inserted(db: Connection, statement: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    with db.cursor(row_factory=dict_row) as cursor:
        row: dict[str, Any] = cursor.execute(statement, parameters).fetchall()[0]
    return row


def latest(db: Connection, uid: int, kind: str) -> Verification | None:
    """The user's last verification of a kind."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT """
            + _COLUMNS
            + """
            FROM identity.user_verifications WHERE uid = %s AND kind = %s ORDER BY verification_id DESC LIMIT 1
            """,
            (uid, kind),
        ).fetchone()
    return Verification.model_construct(**row) if row else None


def decide(
    db: Connection, verification_id: int, status: str, *, reviewer_id: int, comment: str | None, at: datetime
) -> Verification | None:
    """Approve or reject a pending verification, and let the account follow; None when it is not pending (any more).

    A creator's approval grants the role. Raises UniqueViolation when another account has that id number approved.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            WITH decided AS (
                UPDATE identity.user_verifications
                SET status = %(status)s, reviewer_id = %(reviewer)s, comment = %(comment)s, reviewed_at = %(at)s,
                    updated_at = %(at)s
                WHERE verification_id = %(id)s AND status = 'pending'
                RETURNING *
            ), granted AS (
                INSERT INTO identity.user_roles (uid, role, granted_by, granted_at)
                SELECT uid, 'creator', %(reviewer)s, %(at)s FROM decided WHERE kind = 'creator' AND status = 'approved'
                ON CONFLICT DO NOTHING
            ), profile AS (
                UPDATE identity.user_profiles p SET
                    identity_status = CASE WHEN d.kind = 'identity' THEN d.status ELSE p.identity_status END,
                    is_creator = p.is_creator OR (d.kind = 'creator' AND d.status = 'approved'),
                    creator_since = CASE WHEN d.kind = 'creator' AND d.status = 'approved' THEN %(at)s
                                    ELSE p.creator_since END,
                    updated_at = %(at)s
                FROM decided d WHERE p.uid = d.uid
            )
            SELECT """
            + _COLUMNS
            + "FROM decided",
            {"id": verification_id, "status": status, "reviewer": reviewer_id, "comment": comment, "at": at},
        ).fetchone()
    return Verification.model_construct(**row) if row else None


def exists(db: Connection, verification_id: int) -> bool:
    """Whether there is such a verification."""
    return (
        db.execute("SELECT 1 FROM identity.user_verifications WHERE verification_id = %s", (verification_id,)).fetchone()
        is not None
    )
