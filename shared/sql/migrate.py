"""Bringing a database to a revision: one linear history, SQL in every step, run before new code serves."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

HERE = Path(__file__).parent / "migrations"


def _run(dsn: str, step: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if step == "up" else command.downgrade)(config, revision)
        connection.commit()
    engine.dispose()


def upgrade(dsn: str, revision: str = "head") -> None:
    """Apply every migration up to `revision`; safe to repeat."""
    _run(dsn, "up", revision)


def downgrade(dsn: str, revision: str = "base") -> None:
    """Take migrations back down to `revision`."""
    _run(dsn, "down", revision)
