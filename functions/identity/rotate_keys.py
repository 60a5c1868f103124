"""Runs every quarter of an hour: lets signing keys follow each other, one safe step at a time."""

from datetime import timedelta

from functions.identity import signing_keys
from shared.schedule import scheduled
from shared.sql.connection import reading
from shared.sql.tunables import tunable


def _rotate() -> int:
    with reading() as db:
        seconds = max(int(tunable(db, f"auth.{kind}")) for kind in ("access_ttl_seconds", "staff_access_ttl_seconds"))
    return signing_keys.rotate(timedelta(seconds=seconds))


handler = scheduled(_rotate, "identity.rotate_keys")
