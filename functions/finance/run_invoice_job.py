"""Works off the invoices that were asked for, or whose time has come again."""

from functions.finance.gateways.einvoice import Einvoice
from functions.finance.service import invoice_page, invoicing
from shared.batch import each_message

handler = each_message(
    lambda message: invoicing.work(message["invoice_id"], Einvoice.from_environment, invoice_page.draw),
    consumer="finance.run_invoice_job",
)
