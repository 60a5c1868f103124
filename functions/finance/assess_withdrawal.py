"""Workflow: the risk check, which approves small and clean requests by itself."""

from functions.finance.service import payouts
from shared.workflow import step

handler = step(lambda event: payouts.assess(event["withdrawal_id"]), "assess_withdrawal", subject="withdrawal_id")
