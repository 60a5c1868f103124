"""An order was paid: give what it was for."""

from events.payments import OrderPaid
from functions.subscriptions.service import orders
from shared.batch import on_fact

handler = on_fact(OrderPaid, orders.paid, "subscriptions.on_order_paid")
