"""Every hour: payouts that had arrived and came back."""

from functions.finance.gateways.alipay import AlipayPayouts
from functions.finance.service import sweep
from shared.schedule import scheduled


def find() -> int:
    """By the one channel that pays out."""
    return sweep.find_returned(AlipayPayouts.from_environment())


handler = scheduled(find, "finance.find_returned_payouts")
