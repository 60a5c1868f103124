"""The queries of staff."""

from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.store.rows import SUBSCRIPTION, SUBSCRIPTIONS
from shared.sql.listing import Listing

SUBSCRIPTIONS_OF_ALL: Listing[SubscriptionOut] = Listing(
    columns=SUBSCRIPTION,
    source=SUBSCRIPTIONS,
    key=("subscription_id", "s.subscription_id"),
    sorts={"created_at": "s.created_at"},
    default_sort="created_at",
    filters={
        "user_id": "s.user_id = %(user_id)s",
        "creator_id": "s.creator_id = %(creator_id)s",
        "plan_id": "s.plan_id = %(plan_id)s",
        "status": "s.status = %(status)s",
        # As `next_renewal_at` is said: not what is to end or to pause with its period.
        "renew_before": """s.auto_renew AND NOT s.cancel_at_period_end AND NOT s.pause_at_period_end
            AND s.status IN ('pending', 'trialing', 'active', 'past_due') AND s.current_period_end < %(renew_before)s""",
    },
)
