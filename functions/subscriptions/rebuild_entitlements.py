"""Every day, or by hand: repair the read model of rights from SQL."""

from functions.subscriptions.service import projection
from shared.schedule import scheduled

handler = scheduled(projection.rebuild, "subscriptions.rebuild_entitlements")
