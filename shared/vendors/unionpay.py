"""UnionPay's online gateway 5.1.0: one method per call, each answering Done, Declined or Unknown.

No SDK: there is none for Python that runs with today's cryptography. A transaction goes by our `order_id` together with
its `txn_time`, so both must be the same whenever it is asked about. There is no close: `pay_until` bounds a payment. A
refund that was accepted is not yet made: its own query tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from shared import clock
from shared.ids import new_ulid
from shared.money import Money
from shared.vendors import rsa_text, unionpay_sign
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.unionpay_gateway import UnionpayGateway
from shared.vendors.unionpay_results import YUAN, Trade, moment, stamp

if TYPE_CHECKING:
    from shared.vendors.wechat_bill import BillRow

_NOT_FOUND = "34"
_NO_FILE = "98"
_CHANNELS: dict[str, str] = {"pc": "07", "phone": "08"}
_PAY = {"txnType": "01", "txnSubType": "01", "bizType": "000201", "currencyCode": YUAN}
_REFUND = {"txnType": "04", "txnSubType": "00", "bizType": "000201", "channelType": "07"}
_QUERY = {"txnType": "00", "txnSubType": "00", "bizType": "000000"}
_FILE = {"txnType": "76", "txnSubType": "01", "bizType": "000000", "fileType": "00"}


@dataclass(frozen=True)
class Order:
    """What the buyer is asked to pay. `order_id` is ours, unique, 8 to 32 of `[0-9A-Za-z]`, made at `txn_time`.

    `reserved` comes back in query and notice; after `pay_until` (aware) nobody can pay. UnionPay's page leads the buyer
    to `front_url` and tells us at `back_url`.
    """

    order_id: str
    txn_time: datetime
    amount: Money
    back_url: str
    front_url: str
    pay_until: datetime
    reserved: str


class UnionpayClient:
    """Calls UnionPay for one merchant. Keep one per environment: it holds the connection."""

    def __init__(self, config: UnionpayConfig, *, timeout_seconds: float = 10.0) -> None:
        self.config = config
        self.gateway = UnionpayGateway(config, timeout_seconds)

    @property
    def front_url(self) -> str:
        """Where the buyer's browser posts the fields of `page`."""
        return f"{self.config.gateway_url}/frontTransReq.do"

    def page(self, order: Order, device: Literal["pc", "phone"]) -> dict[str, str]:
        """The form that takes a browser to UnionPay's page; no call. The same order is the same form."""
        return self.gateway.signed(self._order(order) | {"channelType": _CHANNELS[device]})

    def is_own_page(self, fields: Mapping[str, str]) -> bool:
        """Whether `page` made these fields, and they may still be paid."""
        key = self.config.signing_key.public_key()
        if not rsa_text.is_signed(unionpay_sign.digest(fields), fields.get("signature", ""), key):
            return False
        return fields.get("txnType") == _PAY["txnType"] and clock.now() < moment(fields.get("payTimeout", ""))

    def app(self, order: Order) -> Said[str]:
        """Ask for the `tn` that our app hands to UnionPay's on the same phone."""
        fields = self.gateway.signed(self._order(order) | {"channelType": _CHANNELS["phone"]})
        return self.gateway.call(f"{self.config.gateway_url}/appTransReq.do", fields, lambda said: said["tn"])

    def query(self, order_id: str, txn_time: datetime) -> Said[Trade | None]:
        """What became of a payment or refund. None: UnionPay never heard of it."""
        fields = self.gateway.signed(_QUERY | {"orderId": order_id, "txnTime": stamp(txn_time)})
        said = self.gateway.call(
            f"{self.config.gateway_url}/queryTrans.do", fields, lambda told: Trade.read(told, told["origRespCode"])
        )
        if isinstance(said, Declined) and said.code == _NOT_FOUND:
            return Done(None)
        return Done(said.value) if isinstance(said, Done) else said

    def refund(
        self, *, order_id: str, txn_time: datetime, amount: Money, query_id: str, back_url: str, reserved: str
    ) -> Said[str]:
        """Ask to give back `amount` of the payment `query_id`; the value is the refund's own. One `order_id` moves money
        once: a repeat is declined with code 12, or taken for what it is.
        """
        fields = self.gateway.signed(
            _REFUND
            | {
                "orderId": order_id,
                "txnTime": stamp(txn_time),
                "txnAmt": str(amount.minor),
                "origQryId": query_id,
                "backUrl": back_url,
                "reqReserved": reserved,
            }
        )
        return self.gateway.call(f"{self.config.gateway_url}/backTransReq.do", fields, lambda said: said["queryId"])

    def bill_file(self, day: date) -> Said[str | None]:
        """The file of a settlement day, which ends at 23:00 Beijing time, as a reply carries it. None: no trade."""
        at = clock.now()
        # The file is named by month and day: that of a day to come would be last year's.
        if not timedelta() < at.astimezone(clock.SHANGHAI).date() - day < timedelta(days=365):
            return Unknown("bill: not of a day that is over")
        fields = self.gateway.signed(_FILE | {"settleDate": f"{day:%m%d}", "txnTime": stamp(at), "orderId": new_ulid()})
        said = self.gateway.call(self.config.file_url, fields, lambda told: told["fileContent"])
        if isinstance(said, Declined):
            return Done(None) if said.code == _NO_FILE else Unknown(said.code)
        return said if isinstance(said, Unknown) else Done(said.value)

    def bill(self, day: date) -> "Said[list[BillRow]]":
        """Every payment and refund of a settlement day; empty when there was none."""
        from shared.vendors.unionpay_bill import parse_bill  # zipfile, for the one job that reads bills

        said = self.bill_file(day)
        if not isinstance(said, Done):
            return said
        try:
            return Done([] if said.value is None else parse_bill(said.value, day))
        except ValueError as error:
            return Unknown(f"bill: {error}")

    def _order(self, order: Order) -> dict[str, str]:
        return _PAY | {
            "orderId": order.order_id,
            "txnTime": stamp(order.txn_time),
            "txnAmt": str(order.amount.minor),
            "frontUrl": order.front_url,
            "backUrl": order.back_url,
            "payTimeout": stamp(order.pay_until),
            "reqReserved": order.reserved,
        }
