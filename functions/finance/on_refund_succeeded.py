"""Money went back to a buyer: the shares of it are taken back."""

from events.payments import RefundSucceeded
from functions.finance.service import sales
from shared.batch import on_fact

handler = on_fact(RefundSucceeded, sales.hear_refund, consumer="finance.on_refund_succeeded")
