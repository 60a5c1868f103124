"""Every five minutes: changes of many accounts that nobody works off any more are queued again."""

from functions.identity.service import bulk_updates
from shared.schedule import scheduled

handler = scheduled(bulk_updates.resume, "identity.resume_bulk_updates")
