"""Locales and messages in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.i18n import DEFAULT_LOCALE
from shared.sql.connection import Connection

Name = tuple[str, str]
"""Namespace and key."""


def locales(db: Connection) -> list[dict[str, Any]]:
    """Every locale with its formats and the share of the zh-CN messages it has in its own words."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT l.locale, l.name, l.timezone, l.date_format, l.time_format, l.number_format, l.currency,
                   l.currency_format, l.week_starts_on, round(coalesce(own.share, 1), 4)::float AS completeness
            FROM platform.i18n_locales l
            LEFT JOIN (
                SELECT k.locale, avg((m.key IS NOT NULL)::int) AS share
                FROM platform.i18n_messages base
                CROSS JOIN platform.i18n_locales k
                LEFT JOIN platform.i18n_messages m
                    ON (m.locale, m.namespace, m.key) = (k.locale, base.namespace, base.key)
                WHERE base.locale = %s
                GROUP BY k.locale
            ) own USING (locale)
            ORDER BY l.locale DESC
            """,
            (DEFAULT_LOCALE,),
        ).fetchall()


def versions(db: Connection) -> dict[str, int]:
    """The version of each locale."""
    return dict(db.execute("SELECT locale, version FROM platform.i18n_locales").fetchall())


def locked_versions(db: Connection) -> dict[str, int]:
    """The same, and until the transaction ends nobody else writes messages of any locale."""
    return dict(db.execute("SELECT locale, version FROM platform.i18n_locales ORDER BY locale FOR UPDATE").fetchall())


def catalogue(db: Connection, locale: str, namespace: str | None) -> list[tuple[str, str, str]]:
    """Namespace, key and text of every message of a locale; zh-CN's where the locale has none of its own."""
    return db.execute(
        """
        SELECT namespace, key, coalesce(own.value, base.value)
        FROM (SELECT * FROM platform.i18n_messages WHERE locale = %(base)s) base
        FULL JOIN (SELECT * FROM platform.i18n_messages WHERE locale = %(locale)s) own USING (namespace, key)
        WHERE namespace = coalesce(%(namespace)s, namespace)
        ORDER BY namespace, key
        """,
        {"base": DEFAULT_LOCALE, "locale": locale, "namespace": namespace},
    ).fetchall()


def stored(db: Connection, names: Sequence[Name]) -> dict[Name, dict[str, str]]:
    """What the messages of these names say now, by locale."""
    found: dict[Name, dict[str, str]] = {name: {} for name in names}
    for namespace, key, locale, value in db.execute(
        """
        SELECT m.namespace, m.key, m.locale, m.value
        FROM unnest(%s::text[], %s::text[]) AS wanted (namespace, key)
        JOIN platform.i18n_messages m USING (namespace, key)
        """,
        ([name[0] for name in names], [name[1] for name in names]),
    ).fetchall():
        found[namespace, key][locale] = value
    return found


def change(db: Connection, locale: str, written: Mapping[Name, str], deleted: Sequence[Name], at: datetime) -> int:
    """Write and delete messages of a locale, in one statement, and give it its next version, which is returned."""
    row = db.execute(
        """
        WITH moved AS (
            UPDATE platform.i18n_locales SET version = version + 1, updated_at = %(at)s
            WHERE locale = %(locale)s RETURNING version
        ), gone AS (
            DELETE FROM platform.i18n_messages
            WHERE locale = %(locale)s
              AND (namespace, key) IN (SELECT * FROM unnest(%(gone_namespaces)s::text[], %(gone_keys)s::text[]))
        ), kept AS (
            INSERT INTO platform.i18n_messages AS m (locale, namespace, key, value, version, updated_at)
            SELECT %(locale)s, new.namespace, new.key, new.value, moved.version, %(at)s
            FROM moved, unnest(%(namespaces)s::text[], %(keys)s::text[], %(values)s::text[]) AS new (namespace, key, value)
            ON CONFLICT (locale, namespace, key) DO UPDATE
            SET value = excluded.value, version = excluded.version, updated_at = excluded.updated_at
        )
        SELECT version FROM moved
        """,
        {
            "locale": locale,
            "at": at,
            "gone_namespaces": [name[0] for name in deleted],
            "gone_keys": [name[1] for name in deleted],
            "namespaces": [name[0] for name in written],
            "keys": [name[1] for name in written],
            "values": list(written.values()),
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - the locale's row is locked by the caller
    return int(row[0])
