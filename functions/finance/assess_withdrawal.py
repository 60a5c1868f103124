"""Workflow: the risk check, which approves small and clean requests by itself."""

from functions.finance.service import payouts
from functions.finance.step import step

handler = step(lambda event: payouts.assess(event["withdrawal_id"]), "assess_withdrawal")
