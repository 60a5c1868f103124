"""From 03:00 on: every channel's yesterday is reconciled, and what was missed before; each hour again for what is not ready."""

from functions.payments.service import reconciliation
from shared.schedule import scheduled

handler = scheduled(reconciliation.reconcile_due, "payments.reconcile_day")
