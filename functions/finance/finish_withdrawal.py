"""Workflow: the payout is posted, or the money given back."""

from functions.finance.service import payouts
from shared.workflow import step

handler = step(lambda event: payouts.finish(event["withdrawal_id"]), "finish_withdrawal", subject="withdrawal_id")
