"""Accounts being left, taken up again and erased; exports of what is known of a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from psycopg.rows import class_row

from shared.sql.connection import Connection

Change = Literal["deactivated", "reactivated", "deletion_requested", "deletion_cancelled", "erased"]
Held = Literal["balance_not_zero", "withdrawal_in_progress", "staff"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A request to delete an account."""

    request_id: str
    uid: int
    status: str
    held_because: str | None
    delete_at: datetime
    times_asked: int
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Export:
    """A request for a copy of one's data."""

    request_id: str
    uid: int
    format: str
    status: str
    times_asked: int
    asked_at: datetime


def addresses_of(db: Connection, uid: int) -> list[str]:
    """Where codes for an account go: its address and its number, as far as it has them."""
    row = db.execute("SELECT email, phone_number FROM identity.users WHERE uid = %s", (uid,)).fetchone()
    return [one.lower() if "@" in one else one for one in row or () if one]


def lock(db: Connection, uid: int) -> str | None:
    """Lock an account as a login does, credentials first; its status, None when there is none."""
    db.execute("SELECT 1 FROM identity.user_auth WHERE uid = %s FOR UPDATE", (uid,))
    row = db.execute("SELECT status FROM identity.users WHERE uid = %s FOR NO KEY UPDATE", (uid,)).fetchone()
    return str(row[0]) if row else None


def deactivate(db: Connection, uid: int, at: datetime) -> None:
    """Hide an account until its owner comes back."""
    db.execute(
        "UPDATE identity.users SET status = 'inactive', updated_at = %s WHERE uid = %s AND status = 'active'", (at, uid)
    )


def await_deletion(db: Connection, uid: int, delete_at: datetime, at: datetime) -> None:
    """Hide an account until it is erased."""
    db.execute(
        "UPDATE identity.users SET status = 'pending_deletion', delete_at = %s, updated_at = %s WHERE uid = %s",
        (delete_at, at, uid),
    )


def take_up(db: Connection, uid: int, at: datetime) -> bool:
    """Make a left account active again; False when it is not left, or is erased already."""
    row = db.execute(
        """
        UPDATE identity.users SET status = 'active', delete_at = NULL, updated_at = %s
        WHERE uid = %s AND status IN ('inactive', 'pending_deletion') RETURNING 1
        """,
        (at, uid),
    ).fetchone()
    return row is not None


def close_account(db: Connection, uid: int, at: datetime) -> None:
    """Nobody signs in any more; what is known of the person is erased next."""
    db.execute(
        "UPDATE identity.users SET status = 'deleted', deleted_at = %s, updated_at = %s WHERE uid = %s", (at, at, uid)
    )


def note(db: Connection, uid: int, change: Change, reason: str | None, at: datetime) -> None:
    """Write down that an account was left or taken up."""
    db.execute(
        "INSERT INTO identity.account_changes (uid, change, reason, at) VALUES (%s, %s, %s, %s)", (uid, change, reason, at)
    )


def unsettled(db: Connection, uid: int) -> Held | None:
    """What must be settled before an account may go: a payout on its way, money owed either way, a staff office.

    Money of accounts that were merged into it is its money.
    """
    row = db.execute(
        """
        SELECT EXISTS (SELECT 1 FROM finance.pub_open_withdrawals WHERE creator_id = %(uid)s),
               EXISTS (SELECT 1 FROM finance.pub_balances
                       WHERE creator_id = ANY(identity.all_of_person(%(uid)s))
                         AND (pending <> 0 OR available <> 0 OR frozen <> 0 OR credit <> 0)),
               EXISTS (SELECT 1 FROM admin.admins WHERE user_id = %(uid)s AND is_active)
        """,
        {"uid": uid},
    ).fetchone()
    withdrawing, owing, staff = row or (False, False, False)
    if withdrawing:
        return "withdrawal_in_progress"
    if owing:
        return "balance_not_zero"
    return "staff" if staff else None


def open_deletion(db: Connection, request_id: str, uid: int, delete_at: datetime, at: datetime) -> None:
    """Store a request. Raises UniqueViolation while another one is open."""
    db.execute(
        """
        INSERT INTO identity.deletion_requests (request_id, uid, status, delete_at, created_at, updated_at)
        VALUES (%s, %s, 'waiting', %s, %s, %s)
        """,
        (request_id, uid, delete_at, at, at),
    )


def cancel_deletion(db: Connection, uid: int, at: datetime) -> bool:
    """The owner is back: the open request ends; False when there is none that could."""
    row = db.execute(
        """
        UPDATE identity.deletion_requests SET status = 'cancelled', ended_at = %s, updated_at = %s
        WHERE uid = %s AND status IN ('waiting', 'held') RETURNING 1
        """,
        (at, at, uid),
    ).fetchone()
    return row is not None


def open_deletion_of(db: Connection, uid: int) -> Deletion | None:
    """The request under way."""
    with db.cursor(row_factory=class_row(Deletion)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, uid, status, held_because, delete_at, times_asked, asked_at
            FROM identity.deletion_requests WHERE uid = %s AND status IN ('waiting', 'held', 'erasing')
            """,
            (uid,),
        ).fetchone()


def deletion(db: Connection, request_id: str) -> Deletion | None:
    """A request, whatever became of it."""
    with db.cursor(row_factory=class_row(Deletion)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, uid, status, held_because, delete_at, times_asked, asked_at
            FROM identity.deletion_requests WHERE request_id = %s
            """,
            (request_id,),
        ).fetchone()


def hold(db: Connection, request_id: str, because: Held, at: datetime) -> None:
    """Due, but something must be settled first."""
    db.execute(
        "UPDATE identity.deletion_requests SET status = 'held', held_because = %s, updated_at = %s WHERE request_id = %s",
        (because, at, request_id),
    )


def ask_to_erase(db: Connection, request_id: str, at: datetime) -> None:
    """Every domain is asked (again) to erase."""
    db.execute(
        """
        UPDATE identity.deletion_requests
        SET status = 'erasing', times_asked = times_asked + 1, asked_at = %s, updated_at = %s WHERE request_id = %s
        """,
        (at, at, request_id),
    )


def end_deletion(db: Connection, request_id: str, at: datetime) -> None:
    """The person is gone."""
    db.execute(
        "UPDATE identity.deletion_requests SET status = 'erased', ended_at = %s, updated_at = %s WHERE request_id = %s",
        (at, at, request_id),
    )


def merged_into(db: Connection, uid: int) -> list[int]:
    """Accounts that were merged into this one and are still there."""
    rows = db.execute(
        """
        SELECT uid FROM identity.users
        WHERE uid = ANY(identity.all_of_person(%(uid)s)) AND uid <> %(uid)s AND status <> 'deleted' ORDER BY uid
        """,
        {"uid": uid},
    ).fetchall()
    return [row[0] for row in rows]


def overdue_deletions(db: Connection, before: datetime, limit: int) -> list[Deletion]:
    """Requests that should have ended by then, the oldest first."""
    with db.cursor(row_factory=class_row(Deletion)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, uid, status, held_because, delete_at, times_asked, asked_at FROM identity.deletion_requests
            WHERE status IN ('waiting', 'held', 'erasing') AND delete_at < %s ORDER BY delete_at LIMIT %s
            """,
            (before, limit),
        ).fetchall()


def last_export(db: Connection, uid: int, since: datetime) -> datetime | None:
    """When the person last asked for a copy, if since then; those that failed do not count."""
    row = db.execute(
        """
        SELECT max(created_at) FROM identity.export_requests WHERE uid = %s AND created_at > %s AND status <> 'failed'
        """,
        (uid, since),
    ).fetchone()
    return row[0] if row else None


def open_export(db: Connection, request_id: str, uid: int, format_: str, at: datetime) -> None:
    """Store a request for a copy."""
    db.execute(
        """
        INSERT INTO identity.export_requests (request_id, uid, format, status, asked_at, created_at, updated_at)
        VALUES (%s, %s, %s, 'open', %s, %s, %s)
        """,
        (request_id, uid, format_, at, at, at),
    )


def export(db: Connection, request_id: str) -> Export | None:
    """A request for a copy."""
    with db.cursor(row_factory=class_row(Export)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, uid, format, status, times_asked, asked_at FROM identity.export_requests
            WHERE request_id = %s
            """,
            (request_id,),
        ).fetchone()


def ask_to_export(db: Connection, request_id: str, times_asked: int, at: datetime) -> bool:
    """Count one more time of asking; False when someone else was first."""
    row = db.execute(
        """
        UPDATE identity.export_requests SET times_asked = times_asked + 1, asked_at = %s, updated_at = %s
        WHERE request_id = %s AND status = 'open' AND times_asked = %s RETURNING 1
        """,
        (at, at, request_id, times_asked),
    ).fetchone()
    return row is not None


def end_export(db: Connection, request_id: str, status: Literal["done", "failed"], at: datetime) -> None:
    """It has its file, or will have none."""
    db.execute(
        """
        UPDATE identity.export_requests SET status = %s, ended_at = %s, updated_at = %s
        WHERE request_id = %s AND status = 'open'
        """,
        (status, at, at, request_id),
    )


def silent_exports(db: Connection, at: datetime, silence: timedelta, limit: int) -> list[Export]:
    """Open requests for which nothing was asked for so long."""
    with db.cursor(row_factory=class_row(Export)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, uid, format, status, times_asked, asked_at FROM identity.export_requests
            WHERE status = 'open' AND asked_at < %s ORDER BY asked_at LIMIT %s
            """,
            (at - silence, limit),
        ).fetchall()


def locale_of(db: Connection, uid: int) -> str:
    """The language of a person."""
    row = db.execute("SELECT locale FROM identity.users WHERE uid = %s", (uid,)).fetchone()
    return str(row[0]) if row else "zh-CN"
