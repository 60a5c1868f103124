"""Every 15 minutes: settle discounts whose order is over and whose fact was lost on the way."""

from functions.subscriptions.service.pricing import redemptions
from shared.schedule import scheduled

handler = scheduled(redemptions.release_overdue, "subscriptions.release_discounts")
