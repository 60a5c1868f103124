"""Statements as they were given, and the files made of them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from psycopg.rows import class_row

from shared.sql.connection import Connection

Format = Literal["pdf", "csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a statement said, in one hash; it never says anything else."""

    statement_id: int
    creator_id: int
    month: date
    opening_balance: int
    closing_balance: int
    line_count: int
    figures_sha256: str


_SELECT = """
    SELECT statement_id, creator_id, month, opening_balance, closing_balance, line_count, figures_sha256
    FROM finance.statements
"""


def keep(db: Connection, creator_id: int, month: date, figures: tuple[int, int, int, str], now: datetime) -> Given:
    """The statement of a month: as it was given before, else with these figures (opening, closing, lines, hash)."""
    db.execute(
        """
        INSERT INTO finance.statements (creator_id, month, opening_balance, closing_balance, line_count, figures_sha256,
            created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (creator_id, month) DO NOTHING
        """,
        (creator_id, month, *figures, now),
    )
    with db.cursor(row_factory=class_row(Given)) as cursor:
        kept = cursor.execute(_SELECT + " WHERE creator_id = %s AND month = %s", (creator_id, month)).fetchone()
    assert kept is not None  # noqa: S101 - narrows the type: it is there by now
    return kept


def after(db: Connection, statement_id: int, most: int) -> list[Given]:
    """Statements in the order of their ids, from the one after `statement_id`."""
    with db.cursor(row_factory=class_row(Given)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE statement_id > %s ORDER BY statement_id LIMIT %s", (statement_id, most)
        ).fetchall()


def file_of(db: Connection, statement_id: int, file_format: Format) -> tuple[int, str | None] | None:
    """Whose a statement is, and where its file of a format lies (None when it was not made)."""
    return db.execute(
        """
        SELECT s.creator_id, f.s3_key FROM finance.statements s
        LEFT JOIN finance.statement_files f ON f.statement_id = s.statement_id AND f.format = %s
        WHERE s.statement_id = %s
        """,
        (file_format, statement_id),
    ).fetchone()


def sha256_of(db: Connection, statement_id: int, file_format: Format) -> str | None:
    """The hash of a file that was made."""
    row = db.execute(
        "SELECT sha256 FROM finance.statement_files WHERE statement_id = %s AND format = %s", (statement_id, file_format)
    ).fetchone()
    return None if row is None else str(row[0])


def add_file(db: Connection, statement_id: int, file_format: Format, file: tuple[str, str, int], now: datetime) -> None:
    """Remember a file (key, hash, size). Made twice, it was the same one."""
    db.execute(
        """
        INSERT INTO finance.statement_files (statement_id, format, s3_key, sha256, size, created_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (statement_id, file_format, *file, now),
    )


def count(db: Connection) -> int:
    """How many statements were given."""
    row = db.execute("SELECT count(*) FROM finance.statements").fetchone()
    return 0 if row is None else int(row[0])
