"""Automatic renewal, as its user switches it."""

from functions.subscriptions.errors import AlreadyDisabled, SubscriptionNotFound
from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.store import life
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import lock_user
from shared import clock
from shared.sql.connection import Connection


def turn_off(db: Connection, user_id: int, subscription_id: int) -> SubscriptionOut:
    """Let an own subscription end with its period instead of being renewed. Raises AlreadyDisabled."""
    lock_user(db, user_id)
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    if not row["auto_renew"]:
        raise AlreadyDisabled
    life.stop_renewing(db, subscription_id, clock.now())
    return subscription_out(row | {"auto_renew": False})
