"""Workflow: the payout is posted, or the money given back."""

from functions.finance.service import payouts
from functions.finance.step import step

handler = step(lambda event: payouts.finish(event["withdrawal_id"]), "finish_withdrawal")
