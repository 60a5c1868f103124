"""Which creators were merged into which, as far as finance has heard."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Hop:
    """A merge in force: what becomes available to the one belongs to the other."""

    merge_id: int
    from_uid: int
    into_uid: int


def lock(db: Connection, creator_id: int) -> None:
    """One at a time for what is available of a creator and may belong to another: merging, settling, undoing."""
    db.execute("SELECT finance.lock_merging(%s)", (creator_id,))


def add(db: Connection, hop: Hop, at: datetime) -> bool:
    """Remember a merge; False when it is known, perhaps as one that was undone already."""
    row = db.execute(
        """
        INSERT INTO finance.account_merges (merge_id, from_uid, into_uid, heard_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (merge_id) DO NOTHING RETURNING 1
        """,
        (hop.merge_id, hop.from_uid, hop.into_uid, at),
    ).fetchone()
    return row is not None


def hop_of(db: Connection, creator_id: int) -> Hop | None:
    """The merge in force by which a creator was dropped."""
    with db.cursor(row_factory=class_row(Hop)) as cursor:
        return cursor.execute(
            """
            SELECT merge_id, from_uid, into_uid FROM finance.account_merges WHERE from_uid = %s AND parted_at IS NULL
            """,
            (creator_id,),
        ).fetchone()
