"""A subscription ended: its Scheduler entry goes."""

from events.subscriptions import SubscriptionEnded
from functions.subscriptions.service import renewal_runs
from shared.batch import on_fact

handler = on_fact(SubscriptionEnded, renewal_runs.arrange, "subscriptions.on_subscription_ended")
