"""Every hour: payouts that had arrived and came back."""

from functools import cache

from functions.finance.gateways.registry import rail
from functions.finance.service import sweep
from shared.schedule import scheduled

handler = scheduled(lambda: sweep.find_returned(cache(rail)), "finance.find_returned_payouts")
