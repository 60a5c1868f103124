"""How a user ends a subscription."""

from functions.subscriptions.errors import SubscriptionNotActive, SubscriptionNotFound
from functions.subscriptions.schemas import SubscriptionOut, UnsubscribeIn
from functions.subscriptions.service import expiry
from functions.subscriptions.service import standing as stands
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.states import GIVES_ACCESS, Event, after
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import lock_user
from shared import clock
from shared.sql.connection import Connection


def unsubscribe(db: Connection, user_id: int, subscription_id: int, wish: UnsubscribeIn) -> SubscriptionOut:
    """End a running subscription of the user: with its period, or at once and without refund. A paused one ends at once."""
    now = clock.now()
    lock_user(db, user_id)
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    becomes = after(row["status"], Event.CANCELLED)
    if becomes is None or expiry.is_over(row, now):
        raise SubscriptionNotActive(status=row["status"])
    if wish.immediate or row["status"] not in GIVES_ACCESS:
        stands.end(db, subscription_id, was=row["status"], becomes=becomes, because="cancelled", now=now, said=wish.reason)
        row["plan"]["subscriber_count"] -= int(row["status"] in GIVES_ACCESS)
        row |= {"status": becomes, "auto_renew": False, "cancelled_at": now}
    else:
        store.end_at_period_end(db, subscription_id, wish.reason, now)
        row |= {"auto_renew": False, "cancel_at_period_end": True}
    return subscription_out(row)
