"""Workflow: what became of the open number."""

from functions.finance.gateways.registry import rail
from functions.finance.service import payouts
from shared.workflow import step

handler = step(
    lambda event: payouts.poll(event["withdrawal_id"], rail),
    "poll_transfer",
    subject="withdrawal_id",
)
