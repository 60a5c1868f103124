"""Each minute: staff sessions follow what has expired."""

from functions.admin.service import expiry
from shared.schedule import scheduled

handler = scheduled(expiry.end_expired, "admin.end_expired_grants")
