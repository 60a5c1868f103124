"""Alipay's gateway: one method per call, each answering Done, Refused or Unknown.

No official SDK: it is 196 MB, and the small one finds the signed part of a response by counting braces.
Amounts travel as yuan with two decimals, times as Beijing time. A trade exists at Alipay only once the buyer
scanned or logged in; what it does not know yet is `Done(None)` here.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlencode

from shared import clock
from shared.money import Money
from shared.vendors import alipay_sign
from shared.vendors.alipay_bill import BillRow, parse_bill
from shared.vendors.alipay_config import AlipayConfig
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
    import httpx

T = TypeVar("T")

_OK = "10000"
# Payment in progress; service unavailable, after it may have acted.
_OUTCOME_OPEN = frozenset({"10003", "20000"})
# `/ = &` are refused; a comma, a quote or a line break would tear the row of the bill, which is not quoted.
_SUBJECT_FORBIDS = str.maketrans('/=&,"\r\n\t', "   ，'   ")
_SUBJECT_LENGTH = 256


@dataclass(frozen=True)
class Order:
    """What the buyer is asked to pay. `out_trade_no` is ours, unique, `[A-Za-z0-9_]{1,64}`.

    `passback` comes back in the notification; after `expires_at` (aware) nobody can pay.
    """

    out_trade_no: str
    amount: Money
    subject: str
    notify_url: str
    expires_at: datetime
    passback: str


@dataclass(frozen=True)
class Payee:
    """Who is paid out. A logon id (phone or e-mail) needs the real name, which Alipay compares."""

    identity: str
    identity_type: Literal["ALIPAY_USER_ID", "ALIPAY_LOGON_ID", "ALIPAY_OPEN_ID"]
    name: str


class AlipayClient:
    """Calls the gateway of one config. Keep one per environment: it holds the connection."""

    def __init__(self, config: AlipayConfig, *, timeout_seconds: float = 15.0) -> None:
        self.config = config
        self._timeout = timeout_seconds
        self._http: httpx.Client | None = None

    def page_pay_url(self, order: Order, *, return_url: str) -> str:
        """The address of the cashier page, which later sends the browser to `return_url`. Makes no call."""
        biz = {**_order_fields(order), "product_code": "FAST_INSTANT_TRADE_PAY"}
        params = self._signed(
            "alipay.trade.page.pay", biz, notify_url=order.notify_url, return_url=return_url
        )
        return f"{self.config.gateway_url}?{urlencode(params)}"

    def precreate(self, order: Order) -> Outcome[str]:
        """Ask for a QR code to scan; the value is the text to draw."""
        return self._call(
            "alipay.trade.precreate",
            _order_fields(order),
            lambda said: said["qr_code"],
            notify_url=order.notify_url,
        )

    def query(self, out_trade_no: str) -> Outcome[Trade | None]:
        """What became of a trade. None: the buyer has not scanned yet, or the number was never sent."""
        return self._absent(
            "ACQ.TRADE_NOT_EXIST",
            self._call("alipay.trade.query", {"out_trade_no": out_trade_no}, Trade.read),
        )

    def close(self, out_trade_no: str) -> Outcome[Closed]:
        """Stop an unpaid trade. One that was never created counts as closed, see `Closed`."""
        said = self._call(
            "alipay.trade.close", {"out_trade_no": out_trade_no}, lambda said: Closed(said.get("trade_no"))
        )
        if isinstance(said, Refused) and said.sub_code == "ACQ.TRADE_NOT_EXIST":
            return Done(Closed(None))
        return said

    def refund(
        self, *, out_trade_no: str, out_request_no: str, amount: Money, reason: str
    ) -> Outcome[Refund]:
        """Give back `amount`. One `out_request_no` moves money once; with another amount it is refused."""
        biz = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "refund_amount": amount.to_yuan(),
            "refund_reason": reason[:_SUBJECT_LENGTH],
        }
        return self._call("alipay.trade.refund", biz, Refund.read)

    def refund_query(self, *, out_trade_no: str, out_request_no: str) -> Outcome[RefundState | None]:
        """What became of a refund, asked 10 s after it or later. None: not received, or failed."""
        biz = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "query_options": ["gmt_refund_pay"],
        }
        return self._call("alipay.trade.fastpay.refund.query", biz, RefundState.read)

    def transfer(
        self, *, out_biz_no: str, amount: Money, title: str, payee: Payee, remark: str
    ) -> Outcome[Transfer]:
        """Pay out `amount` (0.10 yuan at least). The same `out_biz_no` moves money once."""
        biz = {
            "out_biz_no": out_biz_no,
            "trans_amount": amount.to_yuan(),
            "product_code": "TRANS_ACCOUNT_NO_PWD",
            "biz_scene": "DIRECT_TRANSFER",
            "order_title": title,
            "remark": remark,
            "payee_info": {
                "identity": payee.identity,
                "identity_type": payee.identity_type,
                "name": payee.name,
            },
        }
        return self._call("alipay.fund.trans.uni.transfer", biz, Transfer.read)

    def transfer_query(self, out_biz_no: str) -> Outcome[Transfer | None]:
        """What became of a transfer. None: never received, so it may be sent with the same parameters."""
        biz = {
            "product_code": "TRANS_ACCOUNT_NO_PWD",
            "biz_scene": "DIRECT_TRANSFER",
            "out_biz_no": out_biz_no,
        }
        return self._absent(
            "ORDER_NOT_EXIST", self._call("alipay.fund.trans.common.query", biz, Transfer.read)
        )

    def bill_download_url(self, day: date) -> Outcome[str | None]:
        """The address, good for 30 s, of the trade bill of a past Beijing day. None: no trade that day."""
        said = self._call(
            "alipay.data.dataservice.bill.downloadurl.query",
            {"bill_type": "trade", "bill_date": day.isoformat()},
            lambda said: said["bill_download_url"],
        )
        if isinstance(said, Refused) and "BILL_NOT_EXIST" in said.sub_code.upper():
            return Done(None)
        return said

    def bill(self, day: date) -> Outcome[list[BillRow]]:
        """Every payment and refund of a Beijing day, ready from about 10 o'clock of the next."""
        link = self.bill_download_url(day)
        if not isinstance(link, Done):
            return link
        if link.value is None:
            return Done([])
        import httpx  # noqa: PLC0415 - a function pays for it only when it calls

        try:
            answer = self._client().get(link.value)
            answer.raise_for_status()
            return Done(parse_bill(answer.content))
        except httpx.HTTPError as error:
            return Unknown(f"bill download: {type(error).__name__}")
        except ValueError as error:
            return Unknown(f"bill: {error}")

    def _call(
        self,
        method: str,
        biz: Mapping[str, object],
        read: Callable[[dict[str, Any]], T],
        *,
        notify_url: str = "",
    ) -> Outcome[T]:
        import httpx  # noqa: PLC0415 - a function pays for it only when it calls

        try:
            answer = self._client().post(
                self.config.gateway_url,
                data=dict(self._signed(method, biz, notify_url=notify_url)),
                headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
            )
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        if answer.status_code != httpx.codes.OK:
            return Unknown(f"HTTP {answer.status_code}")
        return self._outcome(method, answer.content, read)

    def _outcome(self, method: str, body: bytes, read: Callable[[dict[str, Any]], T]) -> Outcome[T]:
        said = self._believed(method, body)
        if isinstance(said, Unknown):
            return said
        code, sub_code = str(said.get("code", "")), str(said.get("sub_code", ""))
        if code in _OUTCOME_OPEN or sub_code.endswith("SYSTEM_ERROR"):
            return Unknown(f"{code} {sub_code}".strip())
        if code != _OK:
            return Refused(code, sub_code, str(said.get("sub_msg", said.get("msg", ""))))
        try:
            return Done(read(said))
        except (KeyError, ValueError, TypeError, AttributeError):
            return Unknown("signed answer with a missing or unknown field")

    def _believed(self, method: str, body: bytes) -> dict[str, Any] | Unknown:
        """Take only what is signed: even a refusal, if forged or mangled, would let money move twice."""
        try:
            answer = alipay_sign.members(body.decode())
        except ValueError:
            return Unknown("unreadable answer")
        said, signature = answer.get(method.replace(".", "_") + "_response"), answer.get("sign")
        if said is None or signature is None:
            complaint = answer.get("error_response") or said
            return Unknown(f"unsigned answer: {_gist(complaint.value if complaint else None)}")
        if not alipay_sign.is_signed(said.raw, str(signature.value), self.config.verifying_key):
            return Unknown("badly signed answer")
        return said.value if isinstance(said.value, dict) else Unknown("unreadable answer")

    def _signed(
        self, method: str, biz: Mapping[str, object], *, notify_url: str = "", return_url: str = ""
    ) -> list[tuple[str, str]]:
        params = {
            "app_id": self.config.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(clock.now()),
            "version": "1.0",
            "notify_url": notify_url,
            "return_url": return_url,
            "app_cert_sn": self.config.app_cert_sn,
            "alipay_root_cert_sn": self.config.alipay_root_cert_sn,
            "biz_content": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        }
        pairs = [(name, value) for name, value in params.items() if value]
        return [*pairs, ("sign", alipay_sign.sign(alipay_sign.text_to_sign(pairs), self.config.signing_key))]

    def _client(self) -> "httpx.Client":
        if self._http is None:
            import httpx  # noqa: PLC0415 - a function pays for it only when it calls

            logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole addresses
            self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3.0))
        return self._http

    @staticmethod
    def _absent(sub_code: str, said: Outcome[T]) -> Outcome[T | None]:
        if isinstance(said, Refused) and said.sub_code == sub_code:
            return Done(None)
        return said if isinstance(said, Refused | Unknown) else Done(said.value)


def _order_fields(order: Order) -> dict[str, object]:
    return {
        "out_trade_no": order.out_trade_no,
        "total_amount": order.amount.to_yuan(),
        "subject": order.subject.translate(_SUBJECT_FORBIDS)[:_SUBJECT_LENGTH],
        "time_expire": beijing_text(order.expires_at),
        "passback_params": order.passback,
    }


def _gist(said: object) -> str:
    if not isinstance(said, dict):
        return "no code"
    return f"{said.get('code', '')} {said.get('sub_code', '')}".strip()
