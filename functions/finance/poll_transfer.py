"""Workflow: what became of the open number."""

from functions.finance.gateways.alipay import AlipayPayouts
from functions.finance.service import payouts
from shared.workflow import step

handler = step(
    lambda event: payouts.poll(event["withdrawal_id"], AlipayPayouts.from_environment()),
    "poll_transfer",
    subject="withdrawal_id",
)
