"""Every query of media."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from functions.media.models import Declared, Reachable, Stored, stored
from shared.sql.connection import Connection
from shared.sql.listing import Listing
from shared.views.access import Paywall
from shared.views.files import Media, media_out

FILES: Listing[Media] = Listing(
    columns="f.*",
    source="media.pub_files f",
    key=("media_id", "f.media_id"),
    sorts={"created_at": "f.created_at", "size": "f.size", "filename": "f.filename"},
    default_sort="created_at",
    filters={
        "owner_id": "f.owner_id = %(owner_id)s",
        "kind": "f.kind = %(kind)s",
        "category_id": "f.category_id = %(category_id)s",
        "folder": "f.folder = %(folder)s",
        "tag": "%(tag)s = ANY (f.tags)",
        "q": "position(lower(%(q)s) IN lower(f.filename)) > 0",
        "status": "f.status = %(status)s",
    },
    always="f.status <> 'deleted'",
)

_COLUMNS = "SELECT f.*, own.s3_key, own.upload_id FROM media.pub_files f JOIN media.media_files own USING (media_id)"


@dataclass(frozen=True, slots=True)
class Announced:
    """The id of a new upload, None when its owner has no room for it or does not know the category."""

    media_id: int | None
    category_known: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """An upload that never arrived."""

    s3_key: str
    upload_id: str | None


def announce(db: Connection, owner_id: int, declared: Declared, *, name: str, quota: int, at: datetime) -> Announced:
    """Store an upload that is about to come and reserve its room.

    Two uploads at once take turns at the owner's row of usage, so the quota holds exactly.
    """
    (row,) = db.execute(
        """
        WITH category AS (
            SELECT %(category)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM media.media_categories WHERE category_id = %(category)s AND owner_id = %(owner)s
            ) AS known
        ), room AS (
            INSERT INTO media.media_usage AS own (owner_id, used_bytes, updated_at)
            SELECT %(owner)s::bigint, %(size)s::bigint, %(at)s::timestamptz FROM category
            WHERE known AND %(size)s <= %(quota)s::bigint
            ON CONFLICT (owner_id) DO UPDATE
            SET used_bytes = own.used_bytes + excluded.used_bytes, updated_at = excluded.updated_at
            WHERE own.used_bytes + excluded.used_bytes <= %(quota)s
            RETURNING owner_id
        ), numbered AS (
            SELECT owner_id, nextval('media.media_files_media_id_seq') AS media_id FROM room
        ), made AS (
            INSERT INTO media.media_files (media_id, owner_id, kind, filename, content_type, size, checksum_sha256, s3_key,
                                           status, category_id, visibility, created_at, updated_at)
            OVERRIDING SYSTEM VALUE
            SELECT media_id, owner_id, %(kind)s, %(filename)s, %(content_type)s, %(size)s, %(checksum)s::text,
                   'u/' || owner_id || '/' || media_id || '/v1/' || %(name)s::text,
                   'uploading', %(category)s, %(visibility)s, %(at)s, %(at)s
            FROM numbered
            RETURNING media_id, owner_id, version, s3_key, size, checksum_sha256, created_at
        ), versioned AS (
            INSERT INTO media.media_versions (media_id, version, s3_key, size, checksum_sha256, uploaded_by, created_at)
            SELECT media_id, version, s3_key, size, checksum_sha256, owner_id, created_at FROM made
        )
        SELECT (SELECT media_id FROM made), (SELECT known FROM category)
        """,
        {
            "owner": owner_id,
            "size": declared.size,
            "quota": quota,
            "kind": declared.kind,
            "filename": declared.filename,
            "content_type": declared.content_type,
            "checksum": declared.checksum_sha256,
            "name": name,
            "category": declared.category_id,
            "visibility": declared.visibility,
            "at": at,
        },
    ).fetchall()
    return Announced(*row)


def remember_multipart(db: Connection, media_id: int, upload_id: str) -> None:
    """Keep the id S3 gave to a multipart upload."""
    db.execute("UPDATE media.media_files SET upload_id = %s WHERE media_id = %s", (upload_id, media_id))


def find(db: Connection, media_id: int) -> Stored:
    """A file known to be there."""
    with db.cursor(row_factory=dict_row) as cursor:
        (row,) = cursor.execute(_COLUMNS + " WHERE f.media_id = %s", (media_id,)).fetchall()
    return stored(row)


def lock(db: Connection, media_id: int) -> Stored | None:
    """A file that was not deleted, locked until the transaction ends."""
    return _one(db, _COLUMNS + " WHERE f.media_id = %s AND f.status <> 'deleted' FOR UPDATE OF own", (media_id,))


def find_by_key(db: Connection, key: str) -> Stored | None:
    """The file whose current original lies under a key."""
    return _one(db, _COLUMNS + " WHERE own.s3_key = %s", (key,))


def _one(db: Connection, statement: str, parameters: tuple[object, ...]) -> Stored | None:
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement, parameters).fetchone()
    return None if row is None else stored(row)


def reach(db: Connection, media_id: int, version: int | None = None) -> Reachable | None:
    """A file someone asks for, current or in one of its versions, with what decides whether they may have it."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT f.*, v.s3_key, (
                SELECT coalesce(jsonb_agg(w), '[]') FROM (
                    SELECT * FROM content.pub_content_media w WHERE w.media_id = f.media_id AND w.author_id = f.owner_id
                    ORDER BY w.access_level = 'free' DESC, w.content_id LIMIT 20
                ) w
            ) AS paywalls
            FROM media.pub_files f
            JOIN media.media_versions v ON v.media_id = f.media_id AND v.version = coalesce(%(version)s, f.version)
            WHERE f.media_id = %(media_id)s AND f.status <> 'deleted'
            """,
            {"media_id": media_id, "version": version},
        ).fetchone()
    return None if row is None else Reachable(media_out(row), row["s3_key"], tuple(map(_paywall, row["paywalls"])))


def _paywall(row: dict[str, Any]) -> Paywall:
    since, until = row["available_from"], row["available_to"]
    return Paywall(
        row["content_id"],
        row["author_id"],
        row["access_level"],
        tuple(row["plan_ids"]),
        frozenset(row["granted_user_ids"]),
        datetime.fromisoformat(since) if since else None,
        datetime.fromisoformat(until) if until else None,
    )


def mark_scanning(db: Connection, media_id: int, at: datetime) -> None:
    """The bytes are there; their inspection is under way."""
    db.execute(
        "UPDATE media.media_files SET status = 'scanning', updated_at = %s WHERE media_id = %s AND status = 'uploading'",
        (at, media_id),
    )


def accept(
    db: Connection,
    media_id: int,
    *,
    detected_type: str,
    checksum_sha256: str,
    metadata: dict[str, Any],
    variants: Sequence[dict[str, Any]],
    at: datetime,
) -> bool:
    """Make a file ready, with its renditions; False when someone else has already settled it."""
    row = db.execute(
        """
        WITH accepted AS (
            UPDATE media.media_files
            SET status = 'ready', detected_type = %(type)s, checksum_sha256 = %(checksum)s, metadata = %(metadata)s,
                upload_id = NULL, updated_at = %(at)s
            WHERE media_id = %(id)s AND status IN ('uploading', 'scanning')
            RETURNING media_id, version
        ), versioned AS (
            UPDATE media.media_versions v SET checksum_sha256 = %(checksum)s FROM accepted a
            WHERE v.media_id = a.media_id AND v.version = a.version
        ), rendered AS (
            INSERT INTO media.media_variants (media_id, name, s3_key, format, width, height, size, created_at)
            SELECT a.media_id, v.name, v.s3_key, v.format, v.width, v.height, v.size, %(at)s
            FROM accepted a, jsonb_to_recordset(%(variants)s)
                AS v (name text, s3_key text, format text, width int, height int, size bigint)
        )
        SELECT 1 FROM accepted
        """,
        {
            "id": media_id,
            "type": detected_type,
            "checksum": checksum_sha256,
            "metadata": json.dumps(metadata),
            "variants": json.dumps(list(variants)),
            "at": at,
        },
    ).fetchone()
    return row is not None


def reject(db: Connection, media_id: int, reason: str, detected_type: str | None, at: datetime) -> bool:
    """Turn a file away and give its room back; False when someone else has already settled it."""
    row = db.execute(
        """
        WITH rejected AS (
            UPDATE media.media_files
            SET status = 'rejected', reject_reason = %(reason)s, detected_type = %(type)s, upload_id = NULL, updated_at = %(at)s
            WHERE media_id = %(id)s AND status IN ('uploading', 'scanning')
            RETURNING owner_id, size
        ), freed AS (
            UPDATE media.media_usage u SET used_bytes = u.used_bytes - r.size, updated_at = %(at)s
            FROM rejected r WHERE u.owner_id = r.owner_id
        )
        SELECT 1 FROM rejected
        """,
        {"id": media_id, "reason": reason, "type": detected_type, "at": at},
    ).fetchone()
    return row is not None


def expire(db: Connection, before: datetime, at: datetime, limit: int) -> list[Gone]:
    """Drop uploads announced before a time that never arrived, and give their room back."""
    rows = db.execute(
        """
        WITH due AS (
            SELECT media_id FROM media.media_files WHERE status = 'uploading' AND created_at < %(before)s
            ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ), gone AS (
            UPDATE media.media_files f SET status = 'deleted', deleted_at = %(at)s, updated_at = %(at)s
            FROM due WHERE f.media_id = due.media_id RETURNING f.owner_id, f.size, f.s3_key, f.upload_id
        ), freed AS (
            UPDATE media.media_usage u SET used_bytes = u.used_bytes - g.size, updated_at = %(at)s
            FROM (SELECT owner_id, sum(size) AS size FROM gone GROUP BY owner_id) g WHERE u.owner_id = g.owner_id
        )
        SELECT s3_key, upload_id FROM gone
        """,
        {"before": before, "at": at, "limit": limit},
    ).fetchall()
    return [Gone(*row) for row in rows]


def used_bytes(db: Connection, owner_id: int) -> int:
    """The room an owner's files take."""
    row = db.execute("SELECT used_bytes FROM media.media_usage WHERE owner_id = %s", (owner_id,)).fetchone()
    return 0 if row is None else int(row[0])
