"""Daily: deletions and exports whose workflow was lost, or had to wait for something, get a new one."""

from functions.identity.service import data_export, deletion
from shared.schedule import scheduled


def _sweep() -> int:
    return deletion.sweep() + data_export.sweep()


handler = scheduled(_sweep, "identity.erase_due_accounts")
