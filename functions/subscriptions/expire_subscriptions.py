"""Every 15 minutes: end subscriptions whose period is over. Access itself ends on time, by the right's own `valid_until`."""

from functions.subscriptions.service import expiry
from shared.schedule import scheduled

handler = scheduled(expiry.expire_due, "subscriptions.expire_subscriptions")
