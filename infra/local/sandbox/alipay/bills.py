"""The daily trade bill: a ZIP of two GBK files, details and totals, padded the way Alipay pads them."""

import io
import secrets
import zipfile
from datetime import date, datetime, timedelta
from typing import Any

from infra.local.sandbox.alipay.keys import SELLER_ID
from infra.local.sandbox.alipay.records import Behaviour, Refund, Trade
from infra.local.sandbox.alipay.trades import BUYER_LOGON, Trades
from infra.local.sandbox.alipay.wire import DeclinedError, beijing, yuan
from infra.local.sandbox.switches import Switches
from shared import clock
from shared.money import divide_half_even

LINK_LIFE = timedelta(seconds=30)
FEE_BASIS_POINTS = 60
_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_TOTAL_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
_RULE = "-" * 41

Row = tuple[datetime, Trade, Refund | None]
"""When, of which trade, and the refund unless it is the payment."""


class Bills:
    """Makes bills of what was traded."""

    def __init__(self, trades: Trades, switches: Switches[Behaviour]) -> None:
        self._trades = trades
        self._switches = switches
        self._links: dict[str, tuple[date, datetime]] = {}

    def link(self, biz: dict[str, Any], base_url: str) -> dict[str, Any]:
        """`alipay.data.dataservice.bill.downloadurl.query` for a day that is over. Raises DeclinedError."""
        try:
            day = date.fromisoformat(str(biz.get("bill_date")))
        except ValueError as error:
            raise DeclinedError("INVAILID_ARGUMENTS", "账单日期不合法") from error
        if biz.get("bill_type") != "trade" or day >= clock.now().astimezone(clock.SHANGHAI).date():
            raise DeclinedError("INVAILID_ARGUMENTS", "账单类型或日期不合法")
        if not self._rows(day):
            raise DeclinedError("isp.BILL_NOT_EXIST", "账单不存在")
        token = secrets.token_urlsafe(16)
        self._links[token] = (day, clock.now() + LINK_LIFE)
        return {"bill_download_url": f"{base_url}/alipay/bill/{token}"}

    def download(self, token: str) -> bytes | None:
        """The ZIP behind a link, or None when the link is unknown or 30 s old."""
        day, until = self._links.get(token, (None, None))
        if day is None or until is None or clock.now() > until:
            return None
        return self._zip(day)

    def _zip(self, day: date) -> bytes:
        rows = self._rows(day)
        stem = f"{SELLER_ID}_{day:%Y%m%d}"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{stem}_业务明细.csv", _details(day, rows).encode("gbk", errors="replace"))
            archive.writestr(f"{stem}_业务明细(汇总).csv", _totals(day, rows).encode("gbk"))
        return packed.getvalue()

    def _rows(self, day: date) -> list[Row]:
        rows: list[Row] = [
            (trade.paid_at, told, None)
            for trade in self._trades.trades
            if trade.paid_at is not None and _day(trade.paid_at) == day
            for told in self._told(trade)
        ]
        for refund in self._trades.refunds:
            traded = self._trades.trades.get(refund.out_trade_no)
            if traded is not None and _day(refund.refunded_at) == day:
                rows.append((refund.refunded_at, traded, refund))
        return sorted(rows, key=lambda row: row[0])

    def _told(self, trade: Trade) -> list[Trade]:
        """A payment as the bill has it, by the switch `bill`: as it was, not at all, a fen too much, or beside a stranger."""
        match self._switches.of(trade.out_trade_no, trade.order_no).bill:
            case "missing":
                return []
            case "wrong_amount":
                return [trade.model_copy(update={"total": trade.total + 1})]
            case "unknown_row":
                unknown = {"trade_no": f"{trade.trade_no}9", "out_trade_no": f"X{trade.out_trade_no}"[:32]}
                return [trade, trade.model_copy(update=unknown)]
        return [trade]


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.SHANGHAI).date()


def _fee(amount: int) -> int:
    """Alipay's part of an amount: taken (negative) on a payment, given back on a refund."""
    return -divide_half_even(amount * FEE_BASIS_POINTS, 10_000)


def _details(day: date, rows: list[Row]) -> str:
    lines = [
        "#支付宝业务明细查询",
        f"#账号：[{SELLER_ID}0156]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day + timedelta(days=1):%Y年%m月%d日} 00:00:00]",
        f"#{_RULE}业务明细列表{_RULE}",
        _COLUMNS,
    ]
    for _, trade, refund in rows:
        amount = -refund.amount if refund else trade.total
        cells = [
            f"{trade.trade_no}\t",
            f"{trade.out_trade_no}\t",
            "退款" if refund else "交易",
            f"{trade.subject}  ",
            beijing(trade.created_at or trade.offered_at),
            beijing(refund.refunded_at if refund else trade.paid_at or trade.offered_at),
            *("  ", "  ", "  ", "  "),
            f"{BUYER_LOGON}\t",
            yuan(amount),
            yuan(amount),
            *("0.00", "0.00", "0.00", "0.00", "0.00"),
            " ",
            *("0.00", "0.00"),
            f"{refund.out_request_no if refund else ''}\t",
            yuan(_fee(amount)),
            "0.00",
            f"{trade.body} ",
        ]
        lines.append(",".join(cells))
    paid = [trade.total for _, trade, refund in rows if refund is None]
    returned = [refund.amount for _, _, refund in rows if refund is not None]
    lines += [
        f"#{_RULE}业务明细列表结束{_RULE}",
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(sum(paid))}元，商家优惠共0.00元",
        f"#退款合计：{len(returned)}笔，商家实收退款共{yuan(-sum(returned))}元，商家优惠退款共0.00元",
        f"#导出时间：[{clock.now().astimezone(clock.SHANGHAI):%Y年%m月%d日 %H:%M:%S}]",
    ]
    return "\r\n".join(lines) + "\r\n"


def _totals(day: date, rows: list[Row]) -> str:
    amounts = [-refund.amount if refund else trade.total for _, trade, refund in rows]
    returned = sum(1 for _, _, refund in rows if refund)
    net, fee = sum(amounts), sum(_fee(amount) for amount in amounts)
    cells = [
        "合计\t",
        "  ",
        str(len(rows) - returned),
        str(returned),
        yuan(net),
        yuan(net),
        "0.00",
        "0.00",
        "0.00",
    ]
    return "\r\n".join(
        [
            "#支付宝业务汇总查询",
            f"#账号：[{SELLER_ID}0156]",
            f"#日期：[{day:%Y年%m月%d日}]",
            f"#{_RULE}业务汇总列表{_RULE}",
            _TOTAL_COLUMNS,
            ",".join([*cells, yuan(fee), "0.00", yuan(net + fee)]),
            f"#{_RULE}业务汇总列表结束{_RULE}",
            "",
        ]
    )
