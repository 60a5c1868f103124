"""Mail by Amazon SES v2: an invoice is there. No link: one that lasts is anybody's, and ours last five minutes."""

import os

from functions.finance.invoice import Invoice
from shared import aws
from shared.money import Money


def send(address: str, invoice: Invoice) -> None:
    """Send the letter from the house's verified sender."""
    amount = Money(invoice.amount).to_yuan()
    text = (
        f"发票 {invoice.invoice_no}（抬头：{invoice.title}，金额 {amount} 元）已开具，请登录后在“我的发票”中下载。\n\n"
        f"Invoice {invoice.invoice_no} ({invoice.title}, CNY {amount}) is issued. Sign in to download it among your invoices.\n"
    )
    subject = f"发票 {invoice.invoice_no} 已开具 · Invoice {invoice.invoice_no} is issued"
    aws.client("sesv2").send_email(
        FromEmailAddress=os.environ["MAIL_FROM"],
        Destination={"ToAddresses": [address]},
        Content={
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        },
    )
