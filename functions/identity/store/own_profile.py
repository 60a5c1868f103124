"""Changing one's own profile in SQL: fields, avatar, privacy and consents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.sql.connection import Connection

Table = Literal["users", "authors"]

COLUMNS: Mapping[str, tuple[tuple[Table, str], ...]] = {
    "display_name": (("authors", "name"),),
    "username": (("users", "username"), ("authors", "username"), ("authors", "username_raw")),
    "bio": (("authors", "description"),),
    "dedication": (("authors", "dedication"),),
    "location": (("authors", "location"),),
    "country": (("authors", "country"),),
    "language": (("authors", "language"),),
    "education": (("authors", "education"),),
    "birthday": (("authors", "birthday"),),
    "gender": (("authors", "gender"),),
    "region": (("users", "region"),),
    "preferred_languages": (("users", "preferred_languages"),),
    "locale": (("users", "locale"),),
    "timezone": (("users", "timezone"),),
    "currency": (("users", "currency"),),
    "wallet_address": (("users", "wallet_address"),),
    "pins": (("authors", "pins"),),
}
"""Where each field of a profile is kept."""

_WHERE: Mapping[Table, sql.SQL] = {
    "users": sql.SQL("uid = %(uid)s"),
    "authors": sql.SQL("user_id = (SELECT id FROM identity.users WHERE uid = %(uid)s)"),
}


def change(db: Connection, uid: int, fields: Mapping[str, Any], at: datetime) -> None:
    """Store the fields given. Raises UniqueViolation when the username is taken."""
    for table, where in _WHERE.items():
        # A parameter for each column, since PostgreSQL wants one type for each parameter, and those columns differ.
        values = {column: value for field, value in fields.items() for kept_in, column in COLUMNS[field] if kept_in == table}
        if values:
            changes = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
            statement = sql.SQL("UPDATE {} SET {}, updated_at = %(at_)s WHERE {}").format(
                sql.Identifier("identity", table), sql.SQL(", ").join(changes), where
            )
            db.execute(statement, {**values, "uid": uid, "at_": at})


def find_file(db: Connection, owner: int, media_id: int) -> dict[str, Any] | None:
    """A file of that owner: kind, status, and its renditions, widest first."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT kind, status, variants FROM media.pub_files
            WHERE media_id = %s AND owner_id = %s AND status <> 'deleted'
            """,
            (media_id, owner),
        ).fetchone()


def set_avatar(db: Connection, uid: int, avatar: str, original: str, at: datetime) -> None:
    """Show this face from now on."""
    db.execute(
        """
        UPDATE identity.authors SET avatar = %(avatar)s, original_avatar = %(original)s, updated_at = %(at)s
        WHERE user_id = (SELECT id FROM identity.users WHERE uid = %(uid)s)
        """,
        {"uid": uid, "avatar": avatar, "original": original, "at": at},
    )


def privacy(db: Connection, uid: int) -> dict[str, Any]:
    """The settings somebody chose; what they left is not among them."""
    row = db.execute("SELECT privacy FROM identity.user_profiles WHERE uid = %s", (uid,)).fetchone()
    return dict(row[0]) if row else {}


def lock_privacy(db: Connection, uid: int) -> dict[str, Any]:
    """The same, nobody else changing them until the transaction ends."""
    row = db.execute("SELECT privacy FROM identity.user_profiles WHERE uid = %s FOR UPDATE", (uid,)).fetchone()
    return dict(row[0]) if row else {}


def set_privacy(db: Connection, uid: int, settings: Mapping[str, Any], at: datetime) -> None:
    """Store these settings; others stay."""
    db.execute(
        "UPDATE identity.user_profiles SET privacy = privacy || %s, updated_at = %s WHERE uid = %s",
        (Jsonb(dict(settings)), at, uid),
    )


def log_consents(db: Connection, uid: int, granted: Mapping[str, bool], *, version: str, ip: str, at: datetime) -> None:
    """Remember what was granted or withdrawn, when and from where; never changed again."""
    db.execute(
        """
        INSERT INTO identity.user_consents (uid, kind, granted, version, ip, at)
        SELECT %(uid)s, kind, granted, %(version)s, %(ip)s, %(at)s
        FROM unnest(%(kinds)s::text[], %(granted)s::boolean[]) AS given (kind, granted)
        """,
        {
            "uid": uid,
            "kinds": list(granted),
            "granted": list(granted.values()),
            "version": version,
            "ip": ip or None,
            "at": at,
        },
    )
