"""Daily: the months ahead get their partitions of the audit logs; rows that came before their month's are moved into it."""

from shared import clock
from shared.schedule import scheduled
from shared.sql.connection import transaction

MONTHS_AHEAD = 3


def make() -> int:
    """Make what is missing; returns how many partitions. Locked out by a long transaction, it fails and is run again."""
    with transaction() as db:
        return int(db.execute("SELECT admin.make_audit_partitions(%s, %s)", (clock.now(), MONTHS_AHEAD)).fetchall()[0][0])


handler = scheduled(make, "admin.make_audit_partitions")
