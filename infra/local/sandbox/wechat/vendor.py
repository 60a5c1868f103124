"""WeChat Pay, played: what it remembers and can do, behind the API, the page and the controls."""

import json
import re
import secrets
import sqlite3
from datetime import datetime, timedelta
from typing import Any

from infra.local.sandbox.controls import VendorDeclinesError
from infra.local.sandbox.courier import Courier, Delivery
from infra.local.sandbox.journal import Journal
from infra.local.sandbox.settings import SandboxSettings
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches
from infra.local.sandbox.wechat.keys import APPID, MCHID, PUBLIC_KEY_ID, Keys
from infra.local.sandbox.wechat.records import Behaviour, Contract, Refund, Trade, Transfer
from shared import clock

LADDER_SECONDS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
ACCEPTED = '{"code":"SUCCESS","message":"OK"}'
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_LATE_SECONDS = 3.0
_TOO_MUCH = 100
_STALE = timedelta(minutes=6)


class DeclinedError(VendorDeclinesError):
    """What WeChat refuses, with its HTTP status and its code."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.status = status


class Wechat:
    """One WeChat Pay with one merchant."""

    def __init__(self, settings: SandboxSettings, database: sqlite3.Connection, courier: Courier, journal: Journal) -> None:
        self.keys = Keys(settings.state)
        self.courier = courier
        self.journal = journal
        self.switches = Switches(Behaviour)
        self.trades = Shelf(database, "wechat.trades", Trade)
        self.refunds = Shelf(database, "wechat.refunds", Refund)
        self.contracts = Shelf(database, "wechat.contracts", Contract)
        self.transfers = Shelf(database, "wechat.transfers", Transfer)
        self.time_scale = settings.time_scale
        self._waits = [seconds * settings.time_scale for seconds in LADDER_SECONDS]
        self.refunds_seen: set[str] = set()

    def offer(self, kind: str, told: dict[str, Any]) -> Trade:
        """Take an order; the same one again is the same. Raises DeclinedError."""
        number = str(told.get("out_trade_no", ""))
        amount = told.get("amount") or {}
        total = amount.get("total")
        if not _NUMBER.fullmatch(number) or type(total) is not int or total <= 0 or amount.get("currency", "CNY") != "CNY":
            raise DeclinedError(400, "PARAM_ERROR", "参数错误")
        if (told.get("appid"), told.get("mchid")) != (APPID, MCHID):
            raise DeclinedError(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
        if not told.get("description") or "?" in str(told.get("notify_url", "?")):
            raise DeclinedError(400, "PARAM_ERROR", "description 或 notify_url 有误")
        if kind == "jsapi" and not (told.get("payer") or {}).get("openid"):
            raise DeclinedError(400, "PARAM_ERROR", "缺少 openid")
        if kind == "h5" and not (told.get("scene_info") or {}).get("payer_client_ip"):
            raise DeclinedError(400, "PARAM_ERROR", "缺少 payer_client_ip")
        expires = datetime.fromisoformat(told["time_expire"])
        known = self.trades.get(number)
        if known is not None:
            if known.paid_at is not None:
                raise DeclinedError(400, "ORDERPAID", "订单已支付")
            if known.state == "CLOSED":
                raise DeclinedError(400, "ORDER_CLOSED", "订单已关闭")
            if (known.total, known.description, known.kind) != (total, told["description"], kind):
                raise DeclinedError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
            return known
        trade = Trade(
            out_trade_no=number,
            attach=str(told.get("attach", "")),
            kind=kind,
            code=secrets.token_urlsafe(12),
            description=told["description"],
            total=total,
            notify_url=told["notify_url"],
            expires_at=expires,
            made_at=clock.now(),
        )
        self.trades.keep(number, trade)
        return trade

    def find(self, number: str) -> Trade | None:
        """The newest order of that payment number or merchant order number."""
        found = [trade for trade in self.trades if number in {trade.out_trade_no, trade.attach}]
        return max(found, key=lambda trade: (trade.state == "NOTPAY", trade.made_at)) if found else None

    def pay(self, trade: Trade, amount: int | None = None, *, late: bool = False) -> None:
        """The buyer pays and the merchant is told. Raises DeclinedError."""
        if trade.paid_at is not None:
            raise DeclinedError(400, "ORDERPAID", "订单已支付")
        if trade.state == "CLOSED" and not late:
            raise DeclinedError(400, "ORDER_CLOSED", "订单已关闭")
        self.take(trade, amount)
        behaviour = self.switches.of(trade.out_trade_no, trade.attach)
        told = self.transaction(trade)
        if behaviour.notify == "wrong_amount":
            told["amount"]["total"] += _TOO_MUCH
        self.tell(_numbers(trade), "TRANSACTION.SUCCESS", told, behaviour, url=trade.notify_url)

    def take(self, trade: Trade, amount: int | None = None) -> None:
        """The money of a payment or debit comes in."""
        trade.paid_at, trade.closed_at = clock.now(), None
        trade.paid = trade.total if amount is None else amount
        trade.transaction_id = _number("42")
        self.trades.keep(trade.out_trade_no, trade)

    def close(self, number: str) -> None:
        """Stop an unpaid order. Raises DeclinedError."""
        trade = self.trades.get(number)
        if trade is None:
            raise DeclinedError(404, "ORDER_NOT_EXIST", "订单不存在")
        if trade.paid_at is not None:
            raise DeclinedError(400, "ORDERPAID", "订单已支付")
        trade.closed_at = trade.closed_at or clock.now()
        self.trades.keep(number, trade)

    def refund(self, told: dict[str, Any]) -> Refund:
        """Take a refund; the same number again is the same refund. Raises DeclinedError."""
        number, amount = str(told.get("out_refund_no", "")), told.get("amount") or {}
        trade = self.trades.get(str(told.get("out_trade_no", "")))
        if trade is None or trade.paid_at is None:
            raise DeclinedError(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        known = self.refunds.get(number)
        if known is not None:
            if (known.amount, known.out_trade_no) != (amount.get("refund"), trade.out_trade_no):
                raise DeclinedError(400, "PARAM_ERROR", "退款单号重复但参数不一致")
            return known
        behaviour = self.switches.of(number, trade.out_trade_no, trade.attach)
        if behaviour.refund == "fail":
            raise DeclinedError(403, "NOT_ENOUGH", "基本账户余额不足")
        if amount.get("total") != trade.paid or trade.refunded + int(amount["refund"]) > trade.paid:
            raise DeclinedError(400, "INVALID_REQUEST", "订单金额或退款金额不一致")
        status = {"processing": "PROCESSING", "abnormal": "ABNORMAL", "closed": "CLOSED"}.get(behaviour.refund, "SUCCESS")
        refund = Refund(
            out_refund_no=number,
            refund_id=_number("50"),
            out_trade_no=trade.out_trade_no,
            amount=int(amount["refund"]),
            status=status,
            notify_url=str(told.get("notify_url") or trade.notify_url),
            made_at=clock.now(),
        )
        self._settle(trade, refund, behaviour)
        return refund

    def refund_query(self, number: str) -> Refund:
        """What became of a refund; one under way is made by the second question. Raises DeclinedError."""
        refund = self.refunds.get(number)
        if refund is None:
            raise DeclinedError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        refund.asked += 1
        trade = self.trades.get(refund.out_trade_no)
        if refund.status == "PROCESSING" and refund.asked > 1 and trade is not None:
            refund.status = "SUCCESS"
            self._settle(trade, refund, self.switches.of(number, trade.out_trade_no, trade.attach))
        self.refunds.keep(number, refund)
        return refund

    def _settle(self, trade: Trade, refund: Refund, behaviour: Behaviour) -> None:
        if refund.status == "SUCCESS":
            trade.refunded += refund.amount
            self.trades.keep(trade.out_trade_no, trade)
        self.refunds.keep(refund.out_refund_no, refund)
        if refund.status != "PROCESSING":
            told = self.refunded(refund) | {"mchid": MCHID, "refund_status": refund.status}
            told.pop("status")
            self.tell(_numbers(trade), f"REFUND.{refund.status}", told, behaviour, url=refund.notify_url)

    @staticmethod
    def transaction(trade: Trade) -> dict[str, Any]:
        """A payment as query and notice tell it."""
        told: dict[str, Any] = {
            "appid": APPID,
            "mchid": MCHID,
            "out_trade_no": trade.out_trade_no,
            "trade_state": trade.state,
            "trade_state_desc": trade.state,
            "attach": trade.attach,
        }
        if trade.paid_at is not None:
            told |= {
                "transaction_id": trade.transaction_id,
                "trade_type": trade.kind.upper(),
                "bank_type": "OTHERS",
                "success_time": trade.paid_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
                "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
                "amount": {"total": trade.paid, "payer_total": trade.paid, "currency": "CNY", "payer_currency": "CNY"},
            }
        return told

    def refunded(self, refund: Refund) -> dict[str, Any]:
        """A refund as call and query tell it."""
        trade = self.trades.get(refund.out_trade_no)
        total = trade.paid if trade else refund.amount
        told: dict[str, Any] = {
            "refund_id": refund.refund_id,
            "out_refund_no": refund.out_refund_no,
            "transaction_id": trade.transaction_id if trade else "",
            "out_trade_no": refund.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "status": refund.status,
            "amount": {"total": total, "refund": refund.amount, "payer_total": total, "payer_refund": refund.amount},
        }
        if refund.status == "SUCCESS":
            told["success_time"] = clock.now().astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
        return told

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """A notice is signed anew whenever it is sent, unless it shall be stale, forged or a probe. One of the older wire
        has its signature in it.
        """
        if delivery.body.startswith("<"):
            return {"Content-Type": "text/xml; charset=utf-8"}
        behaviour = self.switches.of(*delivery.numbers)
        at = clock.now() - (_STALE if behaviour.notify == "stale" else timedelta())
        made = self.keys.signed(
            delivery.body, serial=self.serial(behaviour), at=at, forged=behaviour.notify == "wrong_signature"
        )
        if behaviour.notify == "probe":
            made["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + made["Wechatpay-Signature"]
        return made | {"Content-Type": "application/json"}

    def serial(self, behaviour: Behaviour) -> str:
        """Whose key signs."""
        return PUBLIC_KEY_ID if behaviour.signs_with == "public_key" else self.keys.certificate_serial

    def tell(
        self, numbers: list[str], event: str, told: dict[str, Any], behaviour: Behaviour, *, url: str, kind: str = ""
    ) -> None:
        """Send a notice of what goes by these numbers; `kind` is what it is of, if its event does not begin with that."""
        kind = kind or event.split(".", maxsplit=1)[0].lower()
        if behaviour.notify == "wrong_merchant":
            told |= {"mchid": "1900000002"}
        body = json.dumps(
            {
                "id": secrets.token_hex(16),
                "create_time": clock.now().astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": "sandbox",
                "resource": {"original_type": kind, **self.keys.sealed(json.dumps(told), kind)},
            }
        )
        usual = _LATE_SECONDS if behaviour.notify == "late" else 0.0
        delay = usual if behaviour.delay_seconds is None or behaviour.notify != "late" else behaviour.delay_seconds
        for _ in range({"silent": 0, "duplicate": 2}.get(behaviour.notify, 1)):
            self.courier.post(
                Delivery(
                    id=self.courier.next_id(),
                    vendor="wechat",
                    numbers=numbers,
                    url=url,
                    body=body,
                    expected=ACCEPTED,
                    due_at=clock.now() + timedelta(seconds=delay),
                    waits=list(self._waits),
                )
            )

    def forget(self) -> None:
        """Start over: no payments, refunds, contracts, transfers, deliveries, switches or journal. The keys stay."""
        self.trades.clear()
        self.refunds.clear()
        self.contracts.clear()
        self.transfers.clear()
        self.courier.forget("wechat")
        self.journal.clear()
        self.switches.change({"reset": True})
        self.refunds_seen.clear()


def _number(prefix: str) -> str:
    return f"{prefix}{clock.now():%Y%m%d}{secrets.randbelow(10**16):016d}"


def _numbers(trade: Trade) -> list[str]:
    return [number for number in (trade.out_trade_no, trade.attach) if number]
