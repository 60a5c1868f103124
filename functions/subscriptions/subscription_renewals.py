"""Every hour: renewals their own Scheduler entry missed, and executions that died."""

from functions.subscriptions.service import renewal_runs
from shared.schedule import scheduled

handler = scheduled(renewal_runs.sweep, "subscriptions.subscription_renewals")
