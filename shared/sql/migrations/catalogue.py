"""The messages a database starts with: `catalogue.json`, drawn by `python -m infra.messages`."""

import json
from pathlib import Path

from sqlalchemy import Connection

FILE = Path(__file__).with_name("catalogue.json")
LOCALES = ("zh-CN", "en")
"""In the order of each pair in the file."""


def insert_missing(connection: Connection) -> None:
    """Add the messages a database does not have yet; what is there may have been edited and stays."""
    rows = [
        (locale, namespace, key, text)
        for namespace, messages in json.loads(FILE.read_text()).items()
        for key, pair in messages.items()
        for locale, text in zip(LOCALES, pair, strict=True)
    ]
    connection.exec_driver_sql(
        """
        WITH added AS (
            INSERT INTO platform.i18n_messages (locale, namespace, key, value, version, updated_at)
            SELECT new.locale, new.namespace, new.key, new.value, l.version + 1, now()
            FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS new (locale, namespace, key, value)
            JOIN platform.i18n_locales l USING (locale)
            ON CONFLICT DO NOTHING
            RETURNING locale
        )
        UPDATE platform.i18n_locales SET version = version + 1, updated_at = now()
        WHERE locale IN (SELECT locale FROM added)
        """,
        tuple([row[column] for row in rows] for column in range(4)),
    )
