"""Every minute: holds that nobody ended within their time."""

from functions.finance.service import expiring
from shared.schedule import scheduled

handler = scheduled(expiring.expire_overdue, "finance.expire_holds")
