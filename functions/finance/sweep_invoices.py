"""Every minute: invoices that a crash left, and those whose outcome is still unknown, are queued again."""

from functions.finance.service import invoicing
from shared.schedule import scheduled

handler = scheduled(invoicing.sweep, "finance.sweep_invoices")
