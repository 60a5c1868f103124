"""The cashier page: what the buyer sees and presses."""

from html import escape

from starlette.responses import HTMLResponse

from infra.local.sandbox.alipay.records import Trade
from infra.local.sandbox.alipay.trades import is_over
from infra.local.sandbox.alipay.wire import beijing, yuan
from infra.local.sandbox.web import page

_TITLE = "支付宝收银台 Alipay cashier"


def show(trade: Trade, return_address: str | None) -> HTMLResponse:
    """The order with its buttons, or what became of it."""
    facts = {
        "商品 Item": trade.subject,
        "支付单号 Payment no.": trade.out_trade_no,
        "商户订单 Order no.": trade.order_no or "-",
        "有效期至 Pay before": f"{beijing(trade.expires_at)} (UTC+8)",
    }
    if trade.trade_no:
        facts["支付宝交易号 Trade no."] = trade.trade_no
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    head = ""
    if trade.paid_at is not None and return_address and trade.closed_at is None:
        head = f'<meta http-equiv="refresh" content="3;url={escape(return_address)}">'
    return page(
        _TITLE,
        f'<section class="card"><h1>{_TITLE}</h1>'
        f'<p class="amount"><small>¥</small>{yuan(trade.total)}</p><dl>{rows}</dl>'
        f"{_state(trade, return_address)}</section>",
        narrow=True,
        head=head,
    )


def problem(zh: str, en: str, *, status: int) -> HTMLResponse:
    """A page that says why nothing can be paid here."""
    return page(
        _TITLE,
        f'<section class="card"><h1 class="bad">{escape(zh)}</h1><p>{escape(en)}</p></section>',
        narrow=True,
        status=status,
    )


def _state(trade: Trade, return_address: str | None) -> str:
    back = f'<a class="button" href="{escape(return_address)}">返回商户 Back to merchant</a>' if return_address else ""
    if trade.refunded:
        return f'<p class="soft">已退款 Refunded ¥{yuan(trade.refunded)}</p>{back}'
    if trade.paid_at is not None:
        return f'<p class="good">✓ 支付成功 Payment successful</p>{back}'
    if trade.closed_at is not None or is_over(trade):
        return f'<p class="bad">交易已关闭 This order is closed.</p>{back}'
    action = f"/alipay/qr/{trade.code}"
    scanned = "已扫码，待付款 Scanned, waiting for payment" if trade.trade_no else "等待扫码 Waiting for the buyer"
    scan = (
        ""
        if trade.trade_no
        else f'<form method="post" action="{action}/scan"><button class="quiet">仅扫码，不付款 Scan only</button></form>'
    )
    return (
        f'<form method="post" action="{action}/pay"><button>确认付款 Pay ¥{yuan(trade.total)}</button></form>'
        f'{scan}<p class="note">{scanned}</p>'
    )
