"""Each minute: refunds the gateway has not answered for yet, asked about and repeated under the same number."""

from functions.payments.service import case_repayments, refunds
from shared.schedule import scheduled


def finish() -> int:
    """Those of orders, then those of payments that are nobody's; how many ended."""
    return refunds.finish_due() + case_repayments.repay_due()


handler = scheduled(finish, "payments.finish_refunds")
