"""An account that was left, and its owner who comes back."""

from functions.identity.models import Account
from functions.identity.store import life as store
from shared import clock
from shared.sql.connection import Connection

LEFT = frozenset({"inactive", "pending_deletion"})
"""Hidden from everybody; its owner may take it up again."""


def reactivate(db: Connection, account: Account) -> None:
    """The owner signed in with `reactivate`: a left account is active, a deletion under way is cancelled.

    To be called in the transaction of the login, its credentials locked (`login.attempt(accept=...)`).
    """
    now = clock.now()
    if not store.take_up(db, account.uid, now):
        return
    cancelled = store.cancel_deletion(db, account.uid, now)
    store.note(db, account.uid, "deletion_cancelled" if cancelled else "reactivated", None, now)
