"""The front page: which vendors are played here, how they behave, and what went on."""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from infra.local.sandbox.alipay.records import Trade
from infra.local.sandbox.alipay.transfers import status
from infra.local.sandbox.alipay.vendor import Alipay
from infra.local.sandbox.alipay.wire import beijing, yuan
from infra.local.sandbox.einvoice.vendor import Einvoice
from infra.local.sandbox.oauth.vendor import Oauth
from infra.local.sandbox.sms.sink import Sms
from infra.local.sandbox.unionpay.records import Trade as UnionpayTrade
from infra.local.sandbox.unionpay.vendor import Unionpay
from infra.local.sandbox.web import page
from infra.local.sandbox.wechat.records import Trade as WechatTrade
from infra.local.sandbox.wechat.vendor import Wechat

_SHOWN = 50
_STATES = {
    None: "等待扫码 offered",
    "WAIT_BUYER_PAY": "待付款 waiting",
    "TRADE_SUCCESS": "已支付 paid",
    "TRADE_CLOSED": "已关闭 closed",
}
_WECHAT_STATES = {
    "NOTPAY": "待付款 waiting",
    "SUCCESS": "已支付 paid",
    "REFUND": "已退款 refunded",
    "CLOSED": "已关闭 closed",
}
_UNIONPAY_STATES = {
    "waiting": "待付款 waiting",
    "paid": "已支付 paid",
    "failed": "支付失败 declined",
    "over": "已超时 over",
}


async def index(request: Request) -> HTMLResponse:
    """Everything at a glance."""
    alipay: Alipay = request.app.state.alipay
    wechat: Wechat = request.app.state.wechat
    unionpay: Unionpay = request.app.state.unionpay
    einvoice: Einvoice = request.app.state.einvoice
    sms: Sms = request.app.state.sms
    oauth: Oauth = request.app.state.oauth
    newest = list(alipay.trades.trades)[::-1][:_SHOWN]
    sent = list(alipay.transfers.transfers)[::-1][:_SHOWN]
    texts = list(sms.messages)[::-1][:_SHOWN]
    return page(
        "支付模拟器 Vendor simulators",
        _card(
            "模拟器 Simulators",
            _simulators(alipay=alipay, wechat=wechat, unionpay=unionpay, einvoice=einvoice, sms=sms, oauth=oauth),
        )
        + _card("支付宝订单 Alipay orders", _table(_ORDER_HEAD, [_order(trade) for trade in newest]))
        + _card(
            "微信支付订单 WeChat Pay orders",
            _table(_ORDER_HEAD, [_wechat_order(trade) for trade in list(wechat.trades)[::-1][:_SHOWN]]),
        )
        + _card(
            "银联订单 UnionPay orders",
            _table(_ORDER_HEAD, [_unionpay_order(trade) for trade in list(unionpay.trades)[::-1][:_SHOWN]]),
        )
        + _card(
            "支付宝转账 Alipay transfers",
            _table(
                ("转账单号 Transfer no.", "收款方 Payee", "金额 Amount ¥", "状态 State"),
                [[escape(one.out_biz_no), escape(one.payee), yuan(one.amount), escape(status(one))] for one in sent],
            ),
        )
        + _card(
            "数电发票 E-invoices",
            _table(
                ("发票号码 Number", "抬头 Title", "金额 Amount ¥", "状态 State"),
                [
                    [escape(one.invoice_no), escape(one.title), yuan(one.amount), one.status]
                    for one in list(einvoice.invoices)[::-1][:_SHOWN]
                ],
            ),
        )
        + _card(
            "短信 Text messages",
            _table(
                ("收件人 To", "内容 Text", "时间 Sent"),
                [[escape(one.to), escape(one.text), beijing(one.sent_at)] for one in texts],
            ),
        )
        + _card(
            "第三方登录 Signed in with a provider",
            _table(
                ("平台与用户 Provider and person", "邮箱 E-mail", "已验证 Verified", "昵称 Name"),
                [
                    [
                        escape(f"{provider} {one.user_id}"),
                        escape(one.email or "-"),
                        str(one.email_verified),
                        escape(one.name or "-"),
                    ]
                    for provider, one in oauth.known()[::-1][:_SHOWN]
                ],
            ),
        ),
    )


_ORDER_HEAD = (
    "支付单号 Payment no.",
    "订单 Order no.",
    "商品 Item",
    "金额 Amount ¥",
    "状态 State",
    "退款 Refunded ¥",
)


def _order(trade: Trade) -> list[str]:
    return [
        f'<a href="/alipay/qr/{trade.code}">{escape(trade.out_trade_no)}</a>',
        escape(trade.order_no or "-"),
        escape(trade.subject),
        yuan(trade.total),
        _STATES[trade.status],
        yuan(trade.refunded),
    ]


def _wechat_order(trade: WechatTrade) -> list[str]:
    return [
        f'<a href="/wechat/pay/{trade.code}">{escape(trade.out_trade_no)}</a>',
        escape(trade.attach or "-"),
        escape(trade.description),
        yuan(trade.paid or trade.total),
        _WECHAT_STATES[trade.state],
        yuan(trade.refunded),
    ]


def _unionpay_order(trade: UnionpayTrade) -> list[str]:
    return [
        f'<a href="/unionpay/pay/{trade.code}">{escape(trade.order_id)}</a>',
        escape(trade.reserved or "-"),
        "-",
        yuan(trade.paid or trade.total),
        _UNIONPAY_STATES[trade.state],
        yuan(trade.refunded),
    ]


def _simulators(*, alipay: Alipay, wechat: Wechat, unionpay: Unionpay, einvoice: Einvoice, sms: Sms, oauth: Oauth) -> str:
    paying: list[tuple[str, str, str, dict[str, Any]]] = [
        ("alipay", "支付宝 Alipay", "/alipay/gateway.do", alipay.switches.shown()),
        ("wechat", "微信支付 WeChat Pay", "/wechat/v3", wechat.switches.shown()),
        ("unionpay", "银联 UnionPay", "/unionpay/gateway/api", unionpay.switches.shown()),
    ]
    return _table(
        ("供应商 Vendor", "入口 Endpoint", "开关 Behaviour", "待送通知 Notices under way"),
        [
            *(
                [title, f"<code>{address}</code>", _switches(shown), str(len(alipay.courier.pending(vendor)))]
                for vendor, title, address, shown in paying
            ),
            ["数电发票 E-invoices", "<code>/einvoice/v1</code>", _switches(einvoice.switches.shown()), "-"],
            ["短信 Alibaba Cloud SMS", "<code>/sms</code>", _switches(sms.switches.shown()), "-"],
            *(
                [
                    f"第三方登录 Sign in with {name}",
                    f"<code>/oauth/{name}</code>",
                    _switches(vendor.switches.shown()),
                    "-",
                ]
                for name, vendor in oauth.vendors.items()
            ),
        ],
    )


def _switches(shown: dict[str, Any]) -> str:
    told = [f"{name}={value}" for name, value in shown["default"].items() if value is not None]
    told += [f"{number}: {name}={value}" for number, own in shown["orders"].items() for name, value in own.items()]
    return " ".join(f"<code>{escape(one)}</code>" for one in told)


def _card(title: str, content: str) -> str:
    return f'<section class="card"><h2>{title}</h2><div class="scroll">{content}</div></section>'


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table of cells that are HTML already."""
    if not rows:
        return '<p class="soft">暂无 Nothing yet</p>'
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


ROUTES = [Route("/", index)]
