"""Every minute: payouts that a crash left without a driver, or whose workflow was not told the decision."""

from functions.finance.service import sweep
from shared.schedule import scheduled

handler = scheduled(sweep.sweep, "finance.sweep_withdrawals")
