"""A column that somebody adds to a person's own rows is erased too, or says why it may stay."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from functions.identity.personal_data import DATA
from shared.personal_data import erase
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House

UID = 100001
MARK = "zaphod"
ROWS = {
    "users": "uid = 100001",
    "authors": "user_id = (SELECT id FROM identity.users WHERE uid = 100001)",
    "user_profiles": "uid = 100001",
    "user_auth": "uid = 100001",
}
VALUES = {"text": MARK, "character varying": MARK, "jsonb": f'{{"x": "{MARK}"}}', "ARRAY": f"{{{MARK}}}"}
HARMLESS = {"users.locale", "users.timezone", "users.currency"}
"""Settings of how things are shown, of many people alike."""


@pytest.mark.parametrize("table", ROWS)
def test_every_word_of_a_persons_own_row_goes(house: House, cloud: None, table: str) -> None:
    make_user(house.sql, UID, "somebody")
    house.sql("INSERT INTO identity.user_auth (uid, password_hash, password_changed_at) VALUES (%s, 'h', now())", (UID,))
    columns = house.sql(
        """
        SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'identity' AND table_name = %s AND data_type IN ('text', 'character varying', 'jsonb', 'ARRAY')
        """,
        (table,),
    )
    filled = {
        name for name, kind in columns if f"{table}.{name}" not in HARMLESS and _fill(house, table, name, VALUES[kind])
    }
    assert filled
    with house.acting("identity") as db:
        erase(db, UID, datetime(2026, 12, 6, tzinfo=UTC), DATA)
    (row,) = house.sql(f"SELECT to_jsonb(t) FROM identity.{table} t WHERE {ROWS[table]}")
    assert {name for name in filled if MARK in str(row[0][name])} == set()


def _fill(house: House, table: str, column: str, value: str) -> bool:
    """Put the mark there, unless the column takes only certain words."""
    statement = sql.SQL("UPDATE identity.{} SET {} = {} WHERE {}").format(
        sql.Identifier(table), sql.Identifier(column), sql.Literal(value), sql.SQL(ROWS[table])
    )
    try:
        with house.db.transaction():
            house.db.execute("RESET ROLE")
            house.db.execute(statement)
    except (psycopg.errors.CheckViolation, psycopg.errors.StringDataRightTruncation):
        return False
    return True
