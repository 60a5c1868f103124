"""Workflow: a number written down, then given to the vendor."""

from functions.finance.gateways.alipay import AlipayPayouts
from functions.finance.service import payouts
from shared.workflow import step

handler = step(
    lambda event: payouts.send(event["withdrawal_id"], AlipayPayouts.from_environment()),
    "send_transfer",
    subject="withdrawal_id",
)
