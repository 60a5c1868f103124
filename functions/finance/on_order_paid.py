"""A payment came in: its shares are booked."""

from events.payments import OrderPaid
from functions.finance.service import sales
from shared.batch import on_fact

handler = on_fact(OrderPaid, sales.book_sale, consumer="finance.on_order_paid")
