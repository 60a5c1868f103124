"""Where an account is reached."""

from dataclasses import dataclass

from psycopg.rows import class_row

from functions.identity.models import Channel
from shared.i18n import Locale
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Contact:
    """An address or a number, and the language to write in; no channel when there is neither."""

    channel: Channel | None
    target: str
    locale: Locale


def find(db: Connection, uid: int) -> Contact | None:
    """The best way to somebody: a proved address, a proved phone, the address they gave; None for no such account."""
    with db.cursor(row_factory=class_row(Contact)) as cursor:
        return cursor.execute(
            """
            SELECT best.channel, coalesce(best.target, '') AS target, u.locale
            FROM identity.users u
            LEFT JOIN LATERAL (
                SELECT way.channel, way.target FROM (VALUES
                    (1, 'email', u.email, u.email_verified_at IS NOT NULL),
                    (2, 'sms', u.phone_number, u.phone_verified_at IS NOT NULL),
                    (3, 'email', u.email, true)
                ) AS way (place, channel, target, usable)
                WHERE way.usable AND way.target IS NOT NULL ORDER BY way.place LIMIT 1
            ) AS best ON true
            WHERE u.uid = %s AND u.status <> 'deleted'
            """,
            (uid,),
        ).fetchone()
