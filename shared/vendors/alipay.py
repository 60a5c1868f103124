"""Alipay's gateway: one method per call, each answering Done, Refused or Unknown.

No official SDK: it is 196 MB, and the small one finds the signed part of a response by counting braces.
Amounts travel as yuan with two decimals, times as Beijing time. A trade exists at Alipay only once the buyer
scanned or logged in; what it does not know yet is `Done(None)` here.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlencode

from shared import clock
from shared.money import Money
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_gateway import AlipayGateway
from shared.vendors.alipay_results import (
    Closed,
    Done,
    Outcome,
    Refund,
    RefundState,
    Refused,
    Trade,
    Transfer,
    Unknown,
    beijing_text,
)

if TYPE_CHECKING:
    from shared.vendors.alipay_bill import BillRow

T = TypeVar("T")

# `/ = &` are refused; a comma, a quote or a line break would tear the row of the bill, which is not quoted.
_SUBJECT_FORBIDS = str.maketrans('/=&,"\r\n\t', "   ，'   ")
_SUBJECT_LENGTH = 256
_NO_TRADE = "ACQ.TRADE_NOT_EXIST"
_NOT_PAYABLE = frozenset({_NO_TRADE, "ACQ.TRADE_HAS_CLOSE"})
_TO_ACCOUNT, _TO_CARD = "TRANS_ACCOUNT_NO_PWD", "TRANS_BANKCARD_NO_PWD"
_BILL_READY_HOUR = 10  # of the day after, Beijing time


@dataclass(frozen=True)
class Order:
    """What the buyer is asked to pay. `out_trade_no` is ours, unique, `[A-Za-z0-9_]{1,64}`.

    `passback` (letters and digits) comes back in the notification; after `expires_at` (aware) nobody can pay.
    """

    out_trade_no: str
    amount: Money
    subject: str
    notify_url: str
    expires_at: datetime
    passback: str


@dataclass(frozen=True)
class Payee:
    """Who is paid out. A logon id (phone or e-mail) and a card need the real name, which is compared."""

    identity: str
    identity_type: Literal["ALIPAY_USER_ID", "ALIPAY_LOGON_ID", "ALIPAY_OPEN_ID", "BANKCARD_ACCOUNT"]
    name: str
    bank: str = ""

    @property
    def product(self) -> str:
        """The product that pays such a payee, which its query must name too."""
        return _TO_CARD if self.identity_type == "BANKCARD_ACCOUNT" else _TO_ACCOUNT

    def told(self) -> dict[str, object]:
        """As `payee_info`; a card is a private person's (account_type 2), whose bank need not be named."""
        told: dict[str, object] = {"identity": self.identity, "identity_type": self.identity_type, "name": self.name}
        if self.product == _TO_CARD:
            told["bankcard_ext_info"] = {"account_type": "2"} | ({"inst_name": self.bank} if self.bank else {})
        return told


class AlipayClient:
    """Calls the gateway of one config. Keep one per environment: it holds the connection."""

    def __init__(self, config: AlipayConfig, *, timeout_seconds: float = 15.0) -> None:
        self.config = config
        self._gateway = AlipayGateway(config, timeout_seconds)

    def page_pay_url(self, order: Order, *, return_url: str) -> str:
        """The address of the cashier page, which later sends the browser to `return_url`. Makes no call."""
        return self._address("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY", order, return_url)

    def wap_pay_url(self, order: Order, *, return_url: str) -> str:
        """The same for the browser of a phone."""
        return self._address("alipay.trade.wap.pay", "QUICK_WAP_WAY", order, return_url)

    def app_order_string(self, order: Order) -> str:
        """What our app hands to Alipay's on the same phone. Makes no call."""
        return self._signed_order("alipay.trade.app.pay", "QUICK_MSECURITY_PAY", order, "")

    def precreate(self, order: Order) -> Outcome[str]:
        """Ask for a QR code to scan; the value is the text to draw."""
        return self._gateway.call(
            "alipay.trade.precreate",
            order_fields(order),
            lambda said: said["qr_code"],
            notify_url=order.notify_url,
        )

    def query(self, out_trade_no: str) -> Outcome[Trade | None]:
        """What became of a trade. None: the buyer has not scanned yet, or the number was never sent."""
        return self._absent(
            _NO_TRADE,
            self._gateway.call("alipay.trade.query", {"out_trade_no": out_trade_no}, Trade.read),
        )

    def close(self, out_trade_no: str) -> Outcome[Closed]:
        """Stop an unpaid trade. One closed before, or never created, counts as closed; see `Closed`."""
        said = self._gateway.call("alipay.trade.close", {"out_trade_no": out_trade_no}, lambda _: Closed(existed=True))
        if isinstance(said, Refused) and said.sub_code in _NOT_PAYABLE:
            return Done(Closed(existed=said.sub_code != _NO_TRADE))
        return said

    def refund(self, *, out_trade_no: str, out_request_no: str, amount: Money, reason: str) -> Outcome[Refund]:
        """Give back `amount`. One `out_request_no` moves money once; with another amount it is refused."""
        biz = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "refund_amount": amount.to_yuan(),
            "refund_reason": reason[:_SUBJECT_LENGTH],
        }
        return self._gateway.call("alipay.trade.refund", biz, Refund.read)

    def refund_query(self, *, out_trade_no: str, out_request_no: str) -> Outcome[RefundState | None]:
        """What became of a refund, asked 10 s after it or later. None: not received, or failed."""
        biz = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "query_options": ["gmt_refund_pay"],
        }
        return self._gateway.call("alipay.trade.fastpay.refund.query", biz, RefundState.read)

    def transfer(self, *, out_biz_no: str, amount: Money, title: str, payee: Payee, remark: str) -> Outcome[Transfer]:
        """Pay out `amount` (0.10 yuan at least). The same `out_biz_no` moves money once."""
        biz = {
            "out_biz_no": out_biz_no,
            "trans_amount": amount.to_yuan(),
            "product_code": payee.product,
            "biz_scene": "DIRECT_TRANSFER",
            "order_title": title,
            "remark": remark,
            "payee_info": payee.told(),
        }
        return self._gateway.call("alipay.fund.trans.uni.transfer", biz, Transfer.read)

    def transfer_query(self, out_biz_no: str, *, to_card: bool = False) -> Outcome[Transfer | None]:
        """What became of a transfer. None: never received, so it may be sent with the same parameters."""
        biz = {
            "product_code": _TO_CARD if to_card else _TO_ACCOUNT,
            "biz_scene": "DIRECT_TRANSFER",
            "out_biz_no": out_biz_no,
        }
        return self._absent("ORDER_NOT_EXIST", self._gateway.call("alipay.fund.trans.common.query", biz, Transfer.read))

    def bill_download_url(self, day: date) -> Outcome[str | None]:
        """The address, good for 30 s, of the trade bill of a past Beijing day. None: no trade that day."""
        said = self._gateway.call(
            "alipay.data.dataservice.bill.downloadurl.query",
            {"bill_type": "trade", "bill_date": day.isoformat()},
            lambda said: said["bill_download_url"],
        )
        if isinstance(said, Refused) and "BILL_NOT_EXIST" in said.sub_code.upper():
            ready = datetime.combine(day + timedelta(days=1), time(_BILL_READY_HOUR), clock.SHANGHAI)
            return Done(None) if clock.now() >= ready else Unknown("the bill is not ready yet")
        return said

    def bill_file(self, day: date) -> Outcome[bytes | None]:
        """The trade bill of a past Beijing day as Alipay packs it. None: no trade that day."""
        link = self.bill_download_url(day)
        if not isinstance(link, Done) or link.value is None:
            return link if not isinstance(link, Done) else Done(None)
        content = self._gateway.fetch(link.value)
        return content if isinstance(content, Unknown) else Done(content)

    def bill(self, day: date) -> Outcome["list[BillRow]"]:
        """Every payment and refund of a Beijing day, ready from about 10 o'clock of the next."""
        from shared.vendors.alipay_bill import parse_bill  # zipfile and csv, for the one job that reads bills

        said = self.bill_file(day)
        if not isinstance(said, Done):
            return said
        try:
            return Done([] if said.value is None else parse_bill(said.value))
        except ValueError as error:
            return Unknown(f"bill: {error}")

    def _address(self, method: str, product_code: str, order: Order, return_url: str) -> str:
        return f"{self.config.gateway_url}?{self._signed_order(method, product_code, order, return_url)}"

    def _signed_order(self, method: str, product_code: str, order: Order, return_url: str) -> str:
        biz = {**order_fields(order), "product_code": product_code}
        return urlencode(self._gateway.signed(method, biz, notify_url=order.notify_url, return_url=return_url))

    @staticmethod
    def _absent(sub_code: str, said: Outcome[T]) -> Outcome[T | None]:
        if isinstance(said, Refused) and said.sub_code == sub_code:
            return Done(None)
        return said if isinstance(said, Refused | Unknown) else Done(said.value)


def order_fields(order: Order) -> dict[str, object]:
    """What every way of paying says of an order."""
    return {
        "out_trade_no": order.out_trade_no,
        "total_amount": order.amount.to_yuan(),
        "subject": order.subject.translate(_SUBJECT_FORBIDS)[:_SUBJECT_LENGTH],
        "time_expire": beijing_text(order.expires_at),
        "passback_params": order.passback,
    }
