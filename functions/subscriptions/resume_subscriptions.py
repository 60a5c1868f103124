"""Every 15 minutes: order the next period of subscriptions whose pause was to end by now."""

from functions.subscriptions.service import pausing
from shared.schedule import scheduled

handler = scheduled(pausing.resume_due, "subscriptions.resume_subscriptions")
