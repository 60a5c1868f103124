"""An order ended unpaid: let its pending subscription go."""

from events.payments import OrderClosed
from functions.subscriptions.service import orders
from shared.batch import on_fact

handler = on_fact(OrderClosed, orders.closed, "subscriptions.on_order_closed")
