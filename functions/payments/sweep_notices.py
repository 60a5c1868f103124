"""Each minute: notices the queue lost."""

from functions.payments.service import notices
from shared.schedule import scheduled

handler = scheduled(notices.sweep, "payments.sweep_notices")
