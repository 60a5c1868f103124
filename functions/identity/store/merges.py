"""Merges in SQL: what was asked, what stands against it, what was moved, and moving it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.sql.connection import Connection

Kind = Literal["field", "links", "devices", "roles", "verifications", "follow"]
Table = Literal["users", "authors", "user_profiles"]
Values = dict[str, Any]

COLUMNS: Mapping[str, tuple[Table, tuple[str, ...]]] = {
    "email": ("users", ("email", "email_verified_at", "email_verified_via")),
    "phone": ("users", ("phone_number", "phone_verified_at")),
    "google": ("users", ("google_id", "google_linked_at")),
    "apple": ("users", ("apple_id", "apple_linked_at")),
    "region": ("users", ("region",)),
    "locale": ("users", ("locale",)),
    "timezone": ("users", ("timezone",)),
    "display_name": ("authors", ("name",)),
    "avatar": ("authors", ("avatar", "original_avatar")),
    "bio": ("authors", ("description",)),
    "dedication": ("authors", ("dedication",)),
    "location": ("authors", ("location",)),
    "country": ("authors", ("country",)),
    "language": ("authors", ("language",)),
    "education": ("authors", ("education",)),
    "birthday": ("authors", ("birthday",)),
    "gender": ("authors", ("gender",)),
    "website": ("user_profiles", ("website",)),
    "creator": ("user_profiles", ("is_creator", "creator_since")),
    "identity": ("user_profiles", ("identity_status",)),
}
"""Where each field is kept; its first column is the one people see."""

_WHERE: Mapping[Table, sql.SQL] = {
    "users": sql.SQL("uid = %(uid_)s"),
    "authors": sql.SQL("user_id = (SELECT id FROM identity.users WHERE uid = %(uid_)s)"),
    "user_profiles": sql.SQL("uid = %(uid_)s"),
}


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge, whatever became of it."""

    merge_id: int
    into_uid: int
    from_uid: int
    status: str
    from_epoch: int
    expires_at: datetime
    undo_until: datetime | None


def open_merge(db: Connection, into: int, dropped: int, *, proof: str, expires_at: datetime, at: datetime) -> int:
    """Remember that both sides were proved."""
    row = db.execute(
        """
        INSERT INTO identity.account_merges (into_uid, from_uid, status, proof, from_epoch, expires_at, created_at, updated_at)
        SELECT %(into)s, uid, 'open', %(proof)s, token_epoch, %(expires_at)s, %(at)s, %(at)s
        FROM identity.user_auth WHERE uid = %(from)s RETURNING merge_id
        """,
        {"into": into, "from": dropped, "proof": proof, "expires_at": expires_at, "at": at},
    ).fetchall()[0]
    return int(row[0])


def find(db: Connection, merge_id: int, into: int) -> Merge | None:
    """A merge into this account, with nothing held; None for anybody else's."""
    with db.cursor(row_factory=class_row(Merge)) as cursor:
        return cursor.execute(
            """
            SELECT merge_id, into_uid, from_uid, status, from_epoch, expires_at, undo_until
            FROM identity.account_merges WHERE merge_id = %s AND into_uid = %s
            """,
            (merge_id, into),
        ).fetchone()


def hold(db: Connection, merge_id: int) -> str | None:
    """The state of a merge, which stays so until the transaction ends."""
    row = db.execute("SELECT status FROM identity.account_merges WHERE merge_id = %s FOR UPDATE", (merge_id,)).fetchone()
    return str(row[0]) if row else None


def lock_both(db: Connection, into: int, dropped: int) -> int:
    """Hold both accounts as a login does, in the order of their numbers; the token epoch of the one to be dropped."""
    rows: list[tuple[int, int]] = db.execute(
        "SELECT uid, token_epoch FROM identity.user_auth WHERE uid = ANY(%s) ORDER BY uid FOR UPDATE", ([into, dropped],)
    ).fetchall()
    db.execute("SELECT 1 FROM identity.users WHERE uid = ANY(%s) ORDER BY uid FOR NO KEY UPDATE", ([into, dropped],))
    return int(dict(rows)[dropped])


def blockers(db: Connection, into: int, dropped: int, at: datetime) -> list[str]:
    """What makes a merge unsafe now, by name (service/merging.py has the sentences), in one statement."""
    row = db.execute(
        """
        SELECT array_remove(ARRAY[
            CASE WHEN EXISTS (SELECT FROM admin.admins WHERE user_id = %(from)s AND is_active) THEN 'staff' END,
            CASE WHEN f.status = 'banned' THEN 'banned' END,
            CASE WHEN f.status IN ('pending_deletion', 'deleted') THEN 'pending_deletion' END,
            CASE WHEN f.status = 'inactive' OR NOT f.is_active OR i.status <> 'active' THEN 'not_active' END,
            CASE WHEN EXISTS (SELECT FROM payments.pub_unfinished WHERE user_id = %(from)s AND what = 'open_order')
                 THEN 'open_order' END,
            CASE WHEN EXISTS (SELECT FROM payments.pub_unfinished WHERE user_id = %(from)s AND what = 'open_refund')
                 THEN 'open_refund' END,
            CASE WHEN EXISTS (SELECT FROM finance.pub_open_withdrawals WHERE creator_id = %(from)s)
                      OR EXISTS (SELECT FROM finance.pub_balances WHERE creator_id = %(from)s AND frozen <> 0)
                 THEN 'open_withdrawal' END,
            CASE WHEN EXISTS (SELECT FROM finance.pub_balances WHERE creator_id = %(from)s AND credit <> 0)
                 THEN 'has_balance' END,
            CASE WHEN EXISTS (SELECT FROM subscriptions.pub_live a JOIN subscriptions.pub_live b USING (creator_id)
                              WHERE a.user_id = %(from)s AND b.user_id = %(into)s) THEN 'same_subscription' END,
            CASE WHEN EXISTS (SELECT FROM subscriptions.pub_live
                              WHERE (user_id = %(from)s AND creator_id = %(into)s)
                                 OR (user_id = %(into)s AND creator_id = %(from)s)) THEN 'subscribed_to_each_other' END,
            CASE WHEN EXISTS (SELECT FROM content.pub_publishing_authors WHERE author_id = %(from)s)
                      OR EXISTS (SELECT FROM subscriptions.pub_sellers WHERE creator_id = %(from)s)
                      OR EXISTS (SELECT FROM subscriptions.pub_live WHERE creator_id = %(from)s) THEN 'publishes' END,
            CASE WHEN (SELECT count(*) FROM identity.user_verifications
                       WHERE uid IN (%(from)s, %(into)s) AND kind = 'identity' AND status = 'approved') > 1
                 THEN 'different_person' END,
            CASE WHEN EXISTS (SELECT FROM identity.user_verifications
                              WHERE uid IN (%(from)s, %(into)s) AND status = 'pending') THEN 'verification_pending' END,
            CASE WHEN EXISTS (SELECT FROM identity.account_merges
                              WHERE status = 'merged' AND undo_until > %(at)s
                                AND (into_uid IN (%(from)s, %(into)s) OR from_uid IN (%(from)s, %(into)s)))
                 THEN 'recently_merged' END
        ], NULL)
        FROM identity.users f, identity.users i WHERE f.uid = %(from)s AND i.uid = %(into)s
        """,
        {"from": dropped, "into": into, "at": at},
    ).fetchall()[0]
    return list(row[0])


def record(db: Connection, uid: int) -> dict[str, Values]:
    """The fields of an account as JSON has them, so that they can be written down, compared and given back."""
    row = db.execute(
        """
        SELECT to_jsonb(one) FROM (
            SELECT u.email, u.email_verified_at, u.email_verified_via, u.phone_number, u.phone_verified_at, u.google_id,
                   u.google_linked_at, u.apple_id, u.apple_linked_at, u.region, u.locale, u.timezone, a.name, a.avatar,
                   a.original_avatar, a.description, a.dedication, a.location, a.country, a.language, a.education,
                   a.birthday, a.gender, p.website, p.is_creator, p.creator_since, p.identity_status
            FROM identity.users u JOIN identity.authors a ON a.user_id = u.id JOIN identity.user_profiles p ON p.uid = u.uid
            WHERE u.uid = %s
        ) AS one
        """,
        (uid,),
    ).fetchall()[0][0]
    return {field: {name: row[name] for name in names} for field, (_, names) in COLUMNS.items()}


def write(db: Connection, uid: int, field: str, values: Values, at: datetime) -> None:
    """Set a field. Raises UniqueViolation when somebody else has what may be had once."""
    table, names = COLUMNS[field]
    changes = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in names]
    statement = sql.SQL("UPDATE {} SET {}, updated_at = %(at_)s WHERE {}").format(
        sql.Identifier("identity", table), sql.SQL(", ").join(changes), _WHERE[table]
    )
    db.execute(statement, {name: values[name] for name in names} | {"uid_": uid, "at_": at})


def settle_verified(db: Connection, uids: Sequence[int]) -> None:
    """An account is verified while an address or a number of it is."""
    db.execute(
        """
        UPDATE identity.users SET is_verified = (email_verified_at IS NOT NULL OR phone_verified_at IS NOT NULL)
        WHERE uid = ANY(%s)
        """,
        (list(uids),),
    )


def move_links(db: Connection, dropped: int, into: int, at: datetime) -> list[dict[str, Any]]:
    """Let the dropped account's providers open the other, but for those that open it already."""
    rows = db.execute(
        """
        UPDATE identity.user_oauth moved SET uid = %(into)s, updated_at = %(at)s
        WHERE uid = %(from)s AND NOT EXISTS (
            SELECT FROM identity.user_oauth own WHERE own.uid = %(into)s AND own.provider = moved.provider)
        RETURNING id, provider
        """,
        {"from": dropped, "into": into, "at": at},
    ).fetchall()
    return [{"id": link, "provider": provider} for link, provider in rows]


def return_links(db: Connection, ids: Sequence[int], into: int, dropped: int, at: datetime) -> None:
    """Give back the links that are still there; one its owner took away stays away."""
    db.execute(
        "UPDATE identity.user_oauth SET uid = %s, updated_at = %s WHERE id = ANY(%s) AND uid = %s",
        (dropped, at, list(ids), into),
    )


def move_devices(db: Connection, dropped: int, into: int) -> list[str]:
    """Devices of the one are known to the other; those known to both stay."""
    rows = db.execute(
        """
        UPDATE identity.user_devices moved SET uid = %(into)s
        WHERE uid = %(from)s AND NOT EXISTS (
            SELECT FROM identity.user_devices own WHERE own.uid = %(into)s AND own.device_id = moved.device_id)
        RETURNING device_id
        """,
        {"from": dropped, "into": into},
    ).fetchall()
    return [row[0] for row in rows]


def return_devices(db: Connection, devices: Sequence[str], into: int, dropped: int) -> None:
    """Give them back."""
    db.execute(
        """
        UPDATE identity.user_devices moved SET uid = %(from)s WHERE uid = %(into)s AND device_id = ANY(%(devices)s)
            AND NOT EXISTS (SELECT FROM identity.user_devices own
                            WHERE own.uid = %(from)s AND own.device_id = moved.device_id)
        """,
        {"from": dropped, "into": into, "devices": list(devices)},
    )


def move_roles(db: Connection, giver: int, taker: int, only: Sequence[str] | None = None) -> list[str]:
    """Roles the taker does not have yet change hands; `only` these."""
    rows = db.execute(
        """
        WITH gone AS (
            DELETE FROM identity.user_roles r WHERE uid = %(giver)s AND (%(only)s::text[] IS NULL OR role = ANY(%(only)s))
                AND NOT EXISTS (SELECT FROM identity.user_roles own WHERE own.uid = %(taker)s AND own.role = r.role)
            RETURNING role, granted_by, granted_at
        )
        INSERT INTO identity.user_roles (uid, role, granted_by, granted_at)
        SELECT %(taker)s, role, granted_by, granted_at FROM gone RETURNING role
        """,
        {"giver": giver, "taker": taker, "only": list(only) if only is not None else None},
    ).fetchall()
    return sorted(row[0] for row in rows)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What of a verification is encrypted for its account."""

    verification_id: int
    real_name: str | None
    id_number: str | None


def approved_of(db: Connection, uid: int, other: int) -> list[Sealed]:
    """Approved verifications of an account, of the kinds the other has none of."""
    with db.cursor(row_factory=class_row(Sealed)) as cursor:
        return cursor.execute(
            """
            SELECT verification_id, real_name, id_number FROM identity.user_verifications v
            WHERE uid = %s AND status = 'approved' AND NOT EXISTS (
                SELECT FROM identity.user_verifications own
                WHERE own.uid = %s AND own.kind = v.kind AND own.status = 'approved')
            ORDER BY verification_id
            """,
            (uid, other),
        ).fetchall()


def rehome(db: Connection, sealed: Sealed, uid: int, at: datetime) -> None:
    """A verification is another account's, for which it is encrypted now."""
    db.execute(
        """
        UPDATE identity.user_verifications SET uid = %s, real_name = %s, id_number = %s, updated_at = %s
        WHERE verification_id = %s
        """,
        (uid, sealed.real_name, sealed.id_number, at, sealed.verification_id),
    )


def note(db: Connection, merge_id: int, kind: Kind, detail: Mapping[str, Any], at: datetime) -> None:
    """Write down one thing that is moved. A follow is written down once."""
    db.execute(
        """
        INSERT INTO identity.merge_journal (merge_id, kind, detail, at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (merge_id, (detail ->> 'follower'), (detail ->> 'followee')) WHERE kind = 'follow' DO NOTHING
        """,
        (merge_id, kind, Jsonb(dict(detail)), at),
    )


def journal(db: Connection, merge_id: int, kind: Kind, after: int = 0, limit: int = 1000) -> list[tuple[int, Values]]:
    """What a merge moved of a kind, in the order it did."""
    return db.execute(
        """
        SELECT entry_id, detail FROM identity.merge_journal WHERE merge_id = %s AND kind = %s AND entry_id > %s
        ORDER BY entry_id LIMIT %s
        """,
        (merge_id, kind, after, limit),
    ).fetchall()


def settle(db: Connection, merge_id: int, undo_until: datetime, at: datetime) -> None:
    """It is done."""
    db.execute(
        """
        UPDATE identity.account_merges SET status = 'merged', merged_at = %s, undo_until = %s, updated_at = %s
        WHERE merge_id = %s
        """,
        (at, undo_until, at, merge_id),
    )


def part(db: Connection, merge_id: int, at: datetime) -> None:
    """It is undone."""
    db.execute(
        "UPDATE identity.account_merges SET status = 'undone', undone_at = %s, updated_at = %s WHERE merge_id = %s",
        (at, at, merge_id),
    )


def switch_off(db: Connection, uid: int, at: datetime) -> None:
    """Nobody signs in to a dropped account, by whatever means and whatever they promise."""
    db.execute("UPDATE identity.users SET status = 'inactive', is_active = false, updated_at = %s WHERE uid = %s", (at, uid))


def switch_on(db: Connection, uid: int, at: datetime) -> bool:
    """It may be used again; False when something else became of it meanwhile."""
    row = db.execute(
        """
        UPDATE identity.users SET status = 'active', is_active = true, updated_at = %s
        WHERE uid = %s AND status = 'inactive' RETURNING 1
        """,
        (at, uid),
    ).fetchone()
    return row is not None


def depends_on_moved_identity(db: Connection, uid: int) -> bool:
    """Whether an account publishes, sells or is being paid out, which its name and role allow it to."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM finance.pub_open_withdrawals WHERE creator_id = %(uid)s)
            OR EXISTS (SELECT FROM content.pub_publishing_authors WHERE author_id = %(uid)s)
            OR EXISTS (SELECT FROM subscriptions.pub_sellers WHERE creator_id = %(uid)s)
            OR EXISTS (SELECT FROM subscriptions.pub_live WHERE creator_id = %(uid)s)
        """,
        {"uid": uid},
    ).fetchall()[0]
    return bool(row[0])


def return_money(db: Connection, merge_id: int, dropped: int, into: int, at: datetime) -> None:
    """Finance gives back, by entries, what it moved for a merge. Raises CheckViolation when it is not there any more."""
    db.execute("SELECT finance.part_accounts(%s, %s, %s, %s)", (merge_id, dropped, into, at))


def has_way_in(db: Connection, uid: int) -> bool:
    """Whether an account can be opened: by a password, a proved address or number, or a provider."""
    row = db.execute(
        """
        SELECT c.password_hash IS NOT NULL OR u.email_verified_at IS NOT NULL OR u.phone_verified_at IS NOT NULL
            OR EXISTS (SELECT FROM identity.user_oauth o WHERE o.uid = u.uid)
        FROM identity.users u JOIN identity.user_auth c USING (uid) WHERE u.uid = %s
        """,
        (uid,),
    ).fetchall()[0]
    return bool(row[0])
