"""A channel tells that a payout came to its end: it is asked which, without waiting for the next poll."""

from events.payments import TransferEnded
from functions.finance.gateways.registry import rail
from functions.finance.service import payouts
from shared.batch import on_fact

handler = on_fact(
    TransferEnded, lambda db, fact: payouts.hear(db, fact.transfer_no, rail), consumer="finance.on_transfer_ended"
)
