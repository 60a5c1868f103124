"""The platform's own invoice as a page."""

from functions.finance.capitals import in_capitals
from functions.finance.invoice import Document, Invoice
from shared.documents.pdf import Page
from shared.documents.sheet import Column
from shared.money import Money

_COLUMNS = (
    Column("项目名称\nItem", 58),
    Column("订单号\nOrder", 57),
    Column("金额（元）\nNet", 26, "right"),
    Column("税率\nRate", 15, "right"),
    Column("税额（元）\nTax", 24, "right"),
)
_TITLES = {"blue": "电子发票 Invoice", "red": "电子发票（红字） Credit invoice"}
_BUYERS = {"personal": "个人 Individual", "company": "单位 Company"}


def draw(document: Document, invoice: Invoice) -> bytes:
    """The page of an invoice that has its number; drawn again it is the same, byte for byte."""
    assert invoice.invoice_no is not None  # noqa: S101 - narrows the type: only a numbered one is drawn
    assert invoice.issued_at is not None  # noqa: S101 - likewise
    seller, red = document.seller, document.kind == "red"
    page = Page(
        f"{_TITLES[document.kind]} {invoice.invoice_no}", invoice.issued_at, f"{seller['name']} · {invoice.invoice_no}"
    )
    page.heading(_TITLES[document.kind], red=red)
    page.fields(
        _present(
            [
                ("发票号码 Number", invoice.invoice_no),
                ("开票日期 Date", f"{page.creation_date:%Y-%m-%d}"),
                ("对应蓝字发票 Original", document.original_no if red else None),
            ]
        )
    )
    page.fields(
        _present(
            [
                ("购买方 Buyer", document.title),
                ("抬头类型 Title", _BUYERS[document.title_type]),
                ("纳税人识别号 Tax no.", document.tax_no),
            ]
        )
    )
    page.fields(
        _present(
            [
                ("销售方 Seller", seller["name"]),
                ("纳税人识别号 Tax no.", seller["tax_no"]),
                ("地址电话 Address", seller["address"]),
                ("开户行及账号 Bank", seller["bank"]),
            ]
        )
    )
    rate = f"{Money(document.tax_rate_bp).to_yuan().rstrip('0').rstrip('.')}%"
    page.table(
        _COLUMNS,
        [(line.item.title, line.item.order_no, Money(line.net), rate, Money(line.tax)) for line in document.lines],
    )
    net = Money(document.amount - document.tax_amount)
    page.total(_COLUMNS, ("合计 Total", "", net, "", Money(document.tax_amount)))
    page.fields(
        [
            ("价税合计（大写） In words", in_capitals(document.amount)),
            ("价税合计（小写） With tax", f"{'-' if red else ''}¥{Money(abs(document.amount)).to_yuan()}"),
        ]
    )
    page.rule()
    page.ln(2)
    page.paragraph(
        "金额含税，税额按 金额×税率÷(1+税率) 计算至分。 Amounts include tax, which is amount × rate ÷ (1 + rate), to the fen."
    )
    return bytes(page.output())


def _present(pairs: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    return [(label, value) for label, value in pairs if value]
