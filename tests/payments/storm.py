"""A storm of notices over three channels: each letter made and signed once by its vendor's own keys, with what it must come to."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from functions.payments.gateways import registry
from functions.payments.gateways.alipay import AlipayGateway
from functions.payments.gateways.unionpay import UnionpayGateway
from functions.payments.gateways.wechat import WechatGateway
from infra.local.sandbox.alipay.keys import APP_ID, SELLER_ID
from infra.local.sandbox.alipay.keys import Keys as AlipayKeys
from infra.local.sandbox.unionpay.keys import MER_ID
from infra.local.sandbox.unionpay.keys import Keys as UnionpayKeys
from infra.local.sandbox.wechat.keys import APPID, MCHID, PUBLIC_KEY_ID
from infra.local.sandbox.wechat.keys import Keys as WechatKeys
from shared import clock
from shared.ids import made_at, new_order_no
from shared.money import Money
from shared.vendors.alipay import AlipayClient
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.unionpay import UnionpayClient
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.wechat import WechatClient
from shared.vendors.wechat_config import WechatConfig
from tests.payments.build import BUYER, PRICE, SELLER, Till

CHANNELS = ("alipay", "wechat", "unionpay")
ACKNOWLEDGED = {"alipay": "success", "wechat": '{"code":"SUCCESS","message":"OK"}', "unionpay": "ok"}
_NOWHERE = "http://127.0.0.1:9"
Said = Literal["taken in", "forged", "unknown", "mismatch"]


@dataclass(frozen=True)
class Letter:
    """What arrives at a callback, and what must be said to it."""

    channel: str
    body: str
    headers: dict[str, str]
    said: Said


class Vendors:
    """The vendors' sides, in this process: their keys sign what the product's gateways verify."""

    def __init__(self, folder: Path) -> None:
        self._alipay, self._wechat = AlipayKeys(folder), WechatKeys(folder)
        self._unionpay = UnionpayKeys(folder)
        told = {name: json.dumps(secret) for name, secret in self._secrets().items()}
        registry.use(AlipayGateway(AlipayClient(AlipayConfig.from_secret(told["alipay"]), timeout_seconds=1), _NOWHERE))
        registry.use(WechatGateway(WechatClient(WechatConfig.from_secret(told["wechat"]), timeout_seconds=1), _NOWHERE))
        registry.use(
            UnionpayGateway(UnionpayClient(UnionpayConfig.from_secret(told["unionpay"]), timeout_seconds=1), _NOWHERE)
        )
        self._write: dict[str, Callable[..., Letter]] = {
            "alipay": self._by_alipay,
            "wechat": self._by_wechat,
            "unionpay": self._by_unionpay,
        }

    def letter(
        self, channel: str, payment_no: str, gateway_no: str, amount: int = PRICE, *, said: Said = "taken in"
    ) -> Letter:
        """A notice that a payment was made; signed over something else when it is to be forged."""
        return self._write[channel](payment_no, gateway_no, amount, said)

    def _secrets(self) -> dict[str, dict[str, str]]:
        return {
            "alipay": self._alipay.credentials(f"{_NOWHERE}/alipay"),
            "wechat": self._wechat.credentials(f"{_NOWHERE}/wechat", with_public_key=True),
            "unionpay": self._unionpay.credentials(f"{_NOWHERE}/unionpay", packed=True),
        }

    def _by_alipay(self, payment_no: str, gateway_no: str, amount: int, said: Said) -> Letter:
        local = clock.now().astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        told = {
            "app_id": APP_ID,
            "charset": "utf-8",
            "gmt_create": local,
            "gmt_payment": local,
            "notify_id": secrets.token_hex(16),
            "notify_time": local,
            "notify_type": "trade_status_sync",
            "out_trade_no": payment_no,
            "seller_id": SELLER_ID,
            "sign_type": "RSA2",
            "subject": "复利",
            "total_amount": str(Money(amount).to_yuan()),
            "trade_no": gateway_no,
            "trade_status": "TRADE_SUCCESS",
            "version": "1.0",
        }
        wrong = {"subject": "another"} if said == "forged" else {}
        return Letter("alipay", urlencode(told | {"sign": self._alipay.sign_fields(told | wrong)}), {}, said)

    def _by_wechat(self, payment_no: str, gateway_no: str, amount: int, said: Said) -> Letter:
        local = clock.now().astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
        told = {
            "appid": APPID,
            "mchid": MCHID,
            "out_trade_no": payment_no,
            "trade_state": "SUCCESS",
            "trade_state_desc": "SUCCESS",
            "trade_type": "NATIVE",
            "transaction_id": gateway_no,
            "success_time": local,
            "amount": {"total": amount, "payer_total": amount, "currency": "CNY", "payer_currency": "CNY"},
        }
        body = json.dumps(
            {
                "id": secrets.token_hex(16),
                "create_time": local,
                "resource_type": "encrypt-resource",
                "event_type": "TRANSACTION.SUCCESS",
                "resource": {"original_type": "transaction", **self._wechat.sealed(json.dumps(told), "transaction")},
            }
        )
        headers = self._wechat.signed(body, serial=PUBLIC_KEY_ID, at=clock.now(), forged=said == "forged")
        return Letter("wechat", body, {name.lower(): value for name, value in headers.items()}, said)

    def _by_unionpay(self, payment_no: str, gateway_no: str, amount: int, said: Said) -> Letter:
        local = clock.now().astimezone(clock.SHANGHAI)
        told = {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "signMethod": "01",
            "accessType": "0",
            "merId": MER_ID,
            "orderId": payment_no,
            "txnTime": made_at(payment_no).astimezone(clock.SHANGHAI).strftime("%Y%m%d%H%M%S"),
            "currencyCode": "156",
            "txnType": "01",
            "txnAmt": str(amount),
            "queryId": gateway_no,
            "traceTime": f"{local:%m%d%H%M%S}",
            "settleAmt": str(amount),
            "respCode": "00",
            "respMsg": "成功",
        }
        return Letter("unionpay", urlencode(self._unionpay.signed(told, forged=said == "forged")), {}, said)


def orders_with_attempts(till: Till, number: int) -> list[tuple[str, list[str]]]:
    """So many orders, the channels in turn, each with two payments started; in three statements."""
    made = [(new_order_no(), [new_order_no(), new_order_no()]) for _ in range(number)]
    till.sql(
        """
        SELECT commerce.open_order('subscriptions', 'subscription', t.place, %(buyer)s, %(seller)s, 't', %(price)s, 0, 'CNY',
            '[]', t.order_no, %(at)s, %(until)s) FROM unnest(%(numbers)s::text[]) WITH ORDINALITY AS t(order_no, place)
        """,
        {
            "buyer": BUYER,
            "seller": SELLER,
            "price": PRICE,
            "at": till.at,
            "until": till.at + timedelta(minutes=30),
            "numbers": [order_no for order_no, _ in made],
        },
    )
    rows = [
        (payment_no, order_no, CHANNELS[n % 3], scene)
        for n, (order_no, payments) in enumerate(made)
        for payment_no, scene in zip(payments, ("qr", "pc"), strict=True)
    ]
    till.sql(
        """
        INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, scene, amount, currency, status,
            expires_at, created_at, updated_at)
        SELECT p, o, c, 'pay', s, %(price)s, 'CNY', 'created', %(until)s, %(at)s, %(at)s
        FROM unnest(%(p)s::text[], %(o)s::text[], %(c)s::text[], %(s)s::text[]) AS t(p, o, c, s)
        """,
        {
            "price": PRICE,
            "at": till.at,
            "until": till.at + timedelta(minutes=30),
            **{name: [row[place] for row in rows] for place, name in enumerate("pocs")},
        },
    )
    return made
