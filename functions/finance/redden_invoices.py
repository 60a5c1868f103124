"""Money went back to a buyer: what was invoiced of it is taken back by a red invoice."""

from events.payments import RefundSucceeded
from functions.finance.service import red_invoices
from shared.batch import on_fact

handler = on_fact(RefundSucceeded, red_invoices.hear_refund, consumer="finance.redden_invoices")
