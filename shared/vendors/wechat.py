"""WeChat Pay API v3: one method per call, each answering Done, Declined or Unknown.

No SDK: the Python one checks no times and fetches certificates whenever a stranger names an unknown serial. Amounts
are fen. A refund that was accepted is not yet made: its state tells, by query or notice.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared import clock
from shared.money import Money
from shared.vendors import wechat_sign
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_gateway import WechatGateway
from shared.vendors.wechat_results import Refund, Trade

if TYPE_CHECKING:
    from shared.vendors.wechat_bill import BillRow

_DESCRIPTION_LENGTH = 127
_REASON_LENGTH = 80
_NO_ORDER = frozenset({"ORDERNOTEXIST", "RESOURCENOTEXISTS"})
_NOT_PAYABLE = frozenset({"ORDERCLOSED"})


@dataclass(frozen=True)
class Order:
    """What the buyer is asked to pay. `out_trade_no` is ours, unique, 6 to 32 of `[0-9A-Za-z_-|*]`.

    `attach` comes back in query and notice; after `expires_at` (aware) nobody can pay.
    """

    out_trade_no: str
    amount: Money
    description: str
    notify_url: str
    expires_at: datetime
    attach: str


class WechatClient:
    """Calls WeChat Pay for one merchant. Keep one per environment: it holds the connection and WeChat's keys."""

    def __init__(self, config: WechatConfig, *, timeout_seconds: float = 10.0) -> None:
        self.config = config
        self.gateway = WechatGateway(config, timeout_seconds)

    def native(self, order: Order) -> Said[str]:
        """Ask for a code to scan; the value is the text to draw, good for two hours."""
        return self.gateway.call("POST", _pay("native"), lambda said: str(said["code_url"]), self._order(order))

    def h5(self, order: Order, *, client_ip: str) -> Said[str]:
        """Ask for the address a phone's browser opens, good for five minutes."""
        scene = {"payer_client_ip": client_ip, "h5_info": {"type": "Wap"}}
        return self.gateway.call(
            "POST", _pay("h5"), lambda said: str(said["h5_url"]), self._order(order) | {"scene_info": scene}
        )

    def jsapi(self, order: Order, *, openid: str) -> Said[dict[str, str]]:
        """Ask for what a page inside WeChat hands to its bridge."""
        return self.gateway.call(
            "POST",
            _pay("jsapi"),
            lambda said: self._sealed("page", said),
            self._order(order) | {"payer": {"openid": openid}},
        )

    def app(self, order: Order) -> Said[dict[str, str]]:
        """Ask for what our app hands to WeChat's on the same phone."""
        return self.gateway.call("POST", _pay("app"), lambda said: self._sealed("app", said), self._order(order))

    def query(self, out_trade_no: str) -> Said[Trade | None]:
        """What became of a payment. None: WeChat never heard of the number."""
        said = self.gateway.call(
            "GET", f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no)}?mchid={self.config.mchid}", Trade.read
        )
        if isinstance(said, Declined) and said.code in _NO_ORDER:
            return Done(None)
        return Done(said.value) if isinstance(said, Done) else said

    def close(self, out_trade_no: str) -> Said[bool]:
        """Stop an unpaid payment; the value says whether WeChat knew of it. One closed before counts as closed."""
        said = self.gateway.call(
            "POST",
            f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no)}/close",
            lambda _: True,
            {"mchid": self.config.mchid},
        )
        if isinstance(said, Declined) and said.code in _NO_ORDER | _NOT_PAYABLE:
            return Done(said.code not in _NO_ORDER)
        return said

    def refund(
        self, *, out_trade_no: str, out_refund_no: str, amount: Money, total: Money, reason: str, notify_url: str
    ) -> Said[Refund]:
        """Ask to give back `amount` of a payment of `total`. One `out_refund_no` moves money once."""
        return self.gateway.call(
            "POST",
            "/v3/refund/domestic/refunds",
            Refund.read,
            {
                "out_trade_no": out_trade_no,
                "out_refund_no": out_refund_no,
                "reason": reason[:_REASON_LENGTH],
                "notify_url": notify_url,
                "amount": {"refund": amount.minor, "total": total.minor, "currency": amount.currency},
            },
        )

    def refund_query(self, out_refund_no: str) -> Said[Refund | None]:
        """What became of a refund. None: WeChat never heard of the number."""
        said = self.gateway.call("GET", f"/v3/refund/domestic/refunds/{quote(out_refund_no)}", Refund.read)
        if isinstance(said, Declined) and said.code in _NO_ORDER:
            return Done(None)
        return Done(said.value) if isinstance(said, Done) else said

    def bill_file(self, day: date) -> Said[bytes | None]:
        """The trade bill of a past Beijing day as WeChat sends it, its hash checked. None: no trade that day."""
        said = self.gateway.call(
            "GET",
            f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL",
            lambda told: (str(told["download_url"]), str(told["hash_value"])),
        )
        if isinstance(said, Declined):
            return Done(None) if said.code == "NOSTATEMENTEXIST" else Unknown(said.code)
        if isinstance(said, Unknown):
            return said
        address, digest = said.value
        content = self.gateway.fetch(address)
        if isinstance(content, Unknown):
            return content
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != digest.lower():
            return Unknown("bill: its hash is another")
        return Done(content)

    def bill(self, day: date) -> "Said[list[BillRow]]":
        """Every payment and refund of a Beijing day, ready from 10 o'clock of the next; empty when there was none."""
        from shared.vendors.wechat_bill import parse_bill  # csv, for the one job that reads bills

        said = self.bill_file(day)
        if not isinstance(said, Done):
            return said
        try:
            return Done([] if said.value is None else parse_bill(said.value))
        except ValueError as error:
            return Unknown(f"bill: {error}")

    def _sealed(self, where: str, said: Mapping[str, Any]) -> dict[str, str]:
        at, nonce = int(clock.now().timestamp()), wechat_sign.nonce()
        make = wechat_sign.page_parameters if where == "page" else wechat_sign.app_parameters
        return make(self.config, str(said["prepay_id"]), at=at, nonce_str=nonce)

    def _order(self, order: Order) -> dict[str, object]:
        return {
            "appid": self.config.appid,
            "mchid": self.config.mchid,
            "description": order.description[:_DESCRIPTION_LENGTH],
            "out_trade_no": order.out_trade_no,
            "time_expire": order.expires_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
            "attach": order.attach,
            "notify_url": order.notify_url,
            "amount": {"total": order.amount.minor, "currency": order.amount.currency},
        }


def _pay(kind: str) -> str:
    return f"/v3/pay/transactions/{kind}"
