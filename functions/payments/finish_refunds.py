"""Each minute: refunds the gateway has not answered for yet, asked about and repeated under the same number."""

from functions.payments.service import refunds
from shared.schedule import scheduled

handler = scheduled(refunds.finish_due, "payments.finish_refunds")
