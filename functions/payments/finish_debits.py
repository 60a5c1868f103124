"""Each minute: debits nobody knows the outcome of, 10 s, 1 min, 5 min, 30 min after they were asked for, then hourly."""

from functions.payments.service import debits
from shared.schedule import scheduled

handler = scheduled(debits.look_after_due, "payments.finish_debits")
