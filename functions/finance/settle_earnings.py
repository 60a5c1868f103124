"""Every hour, and so at 02:00 in Shanghai: starts the settlement of earnings past their hold, when there are any."""

from functions.finance.service import runs
from shared.schedule import scheduled

handler = scheduled(runs.start, "finance.settle_earnings")
