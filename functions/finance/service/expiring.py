"""Holds whose time has come and which nobody ended: the money goes back."""

import psycopg

from functions.finance.store import holds
from shared import clock, observe
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work

_ENDED_MEANWHILE = "LG002"


def expire_overdue() -> int:
    """Give back what overdue holds keep, each in its own transaction; returns how many. One that fails leaves the others."""
    now = clock.now()
    with reading() as db:
        overdue = holds.overdue(db, now)
    expired = 0
    for reference in overdue:
        try:
            with unit_of_work() as db:
                holds.expire(db, reference, now)
            expired += 1
        except psycopg.Error as error:
            if error.sqlstate != _ENDED_MEANWHILE:
                observe.error("hold could not be expired", reference=reference)
                observe.count("hold_expiry_failed")
    return expired
