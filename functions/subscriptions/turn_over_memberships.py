"""Every 5 minutes: say of whom a level has ended what they hold now. Access itself ends on time, by its terms."""

from functions.subscriptions.service import memberships
from shared.schedule import scheduled

handler = scheduled(memberships.turn_over, "subscriptions.turn_over_memberships")
