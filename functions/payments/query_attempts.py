"""Each minute: attempts the gateway is to be asked about, 10 s, 1 min, 5 min and 30 min after they began, or to be closed."""

from functions.payments.service import attempts
from shared.schedule import scheduled

handler = scheduled(attempts.look_after_due, "payments.query_attempts")
