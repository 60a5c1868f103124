"""Workflow: a number written down, then given to the vendor."""

from functions.finance.gateways.registry import rail
from functions.finance.service import payouts
from shared.workflow import step

handler = step(
    lambda event: payouts.send(event["withdrawal_id"], rail),
    "send_transfer",
    subject="withdrawal_id",
)
