"""Every hour, and so also at 02:00 in Shanghai: earnings past their hold become available."""

from functions.finance.service import settlement
from shared.schedule import scheduled

handler = scheduled(settlement.settle_due, "finance.settle_earnings")
