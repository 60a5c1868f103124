"""WeChat's daily trade bill: 27 columns, every value behind a backtick, a summary at the end."""

from datetime import date, datetime

from infra.local.sandbox.alipay.wire import yuan
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches
from infra.local.sandbox.wechat.keys import APPID, MCHID
from infra.local.sandbox.wechat.records import Behaviour, Refund, Trade
from shared import clock
from shared.money import divide_half_even

_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_FEE_BASIS_POINTS = 60


def bill(trades: Shelf[Trade], refunds: Shelf[Refund], day: date, switches: Switches[Behaviour]) -> str | None:
    """The bill of a Beijing day; None when nothing happened."""
    rows: list[tuple[datetime, Trade, Refund | None]] = [
        (trade.paid_at, told, None)
        for trade in trades
        if trade.paid_at and _day(trade.paid_at) == day
        for told in _told(trade, switches)
    ]
    for refund in refunds:
        trade = trades.get(refund.out_trade_no)
        if trade is not None and refund.status == "SUCCESS" and _day(refund.made_at) == day:
            rows.append((refund.made_at, trade, refund))
    if not rows:
        return None
    rows.sort(key=lambda row: row[0])
    paid = sum(trade.paid for _, trade, refund in rows if refund is None)
    back = sum(refund.amount for _, _, refund in rows if refund is not None)
    fees = sum(_fee(-refund.amount if refund else trade.paid) for _, trade, refund in rows)
    totals = [str(len(rows)), yuan(paid), yuan(back), "0.00", yuan(fees), yuan(paid), yuan(back)]
    return "\r\n".join([_COLUMNS, *(_line(*row) for row in rows), _SUMMARY, _ticked(totals), ""])


def _told(trade: Trade, switches: Switches[Behaviour]) -> list[Trade]:
    """A payment as the bill has it, by the switch `bill`: as it was, not at all, a fen too much, or beside a stranger."""
    match switches.of(trade.out_trade_no, trade.attach).bill:
        case "missing":
            return []
        case "wrong_amount":
            return [trade.model_copy(update={"paid": trade.paid + 1})]
        case "unknown_row":
            unknown = {"transaction_id": f"{trade.transaction_id}9", "out_trade_no": f"X{trade.out_trade_no}"[:32]}
            return [trade, trade.model_copy(update=unknown)]
    return [trade]


def _line(at: datetime, trade: Trade, refund: Refund | None) -> str:
    amount = refund.amount if refund else 0
    return _ticked(
        [
            f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}", APPID, MCHID, "0", "", trade.transaction_id or "",
            trade.out_trade_no, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", trade.kind.upper(), "REFUND" if refund else "SUCCESS",
            "OTHERS", "CNY", yuan(0 if refund else trade.paid), "0.00", refund.refund_id if refund else "0",
            refund.out_refund_no if refund else "0", yuan(amount), "0.00", "ORIGINAL" if refund else "",
            refund.status if refund else "", trade.description.replace(",", "，"), trade.attach,
            yuan(_fee(-amount if refund else trade.paid)), "0.60%", yuan(0 if refund else trade.paid), yuan(amount), "",
        ]
    )  # fmt: skip


def _ticked(cells: list[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.SHANGHAI).date()


def _fee(amount: int) -> int:
    return divide_half_even(amount * _FEE_BASIS_POINTS, 10_000)
