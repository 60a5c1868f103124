"""A subscription was given a period: its Scheduler entry fires before that ends."""

from events.subscriptions import SubscriptionActivated
from functions.subscriptions.service import renewal_runs
from shared.batch import on_fact

handler = on_fact(SubscriptionActivated, renewal_runs.arrange, "subscriptions.on_subscription_activated")
