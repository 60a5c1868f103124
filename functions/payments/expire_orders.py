"""Each minute (`order_expiry` of rules.md §18): orders nobody paid in time."""

from functions.payments.service import orders
from shared.schedule import scheduled

handler = scheduled(orders.expire_due, "payments.expire_orders")
