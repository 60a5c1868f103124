"""Every minute: publish the facts that a crash left between commit and bus."""

from shared import clock
from shared.schedule import scheduled
from shared.sql import outbox
from shared.sql.connection import transaction


def sweep() -> int:
    """Sweep until a batch comes back empty."""
    total = 0
    while True:
        with transaction() as db:
            sent = outbox.sweep(db, clock.now())
        total += sent
        if not sent:
            return total


handler = scheduled(sweep, "platform.sweep_outbox")
