"""Money went back: take back what a fully refunded order gave."""

from events.payments import RefundSucceeded
from functions.subscriptions.service import orders
from shared.batch import on_fact

handler = on_fact(RefundSucceeded, orders.refunded, "subscriptions.on_refund_succeeded")
