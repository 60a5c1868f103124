"""WeChat Pay's wire: published vectors, an independent library in either part, and what must not be believed."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3 import WeChatPay, WeChatPayType

from shared import clock
from shared.money import Money
from shared.vendors import wechat_sign
from shared.vendors.outcome import Declined, Done, Unknown
from shared.vendors.wechat import Order, WechatClient
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_notify import verify_notice
from shared.vendors.wechat_results import Refund, RefundState, Trade, TradeState
from shared.vendors.wechat_sign import NotSignedError
from shared.vendors.wechat_transfers import Transfer
from tests.fixtures.sandbox import Merchant, Sandbox

KEY_32 = "0123456789abcdef0123456789abcdef"


def order(merchant: Merchant, number: str = "WX2026112100000001", **fields: Any) -> Order:
    usual: dict[str, Any] = {
        "out_trade_no": number,
        "amount": Money(1999),
        "description": "复利的秘密 & “more”",
        "notify_url": merchant.url,
        "expires_at": clock.now() + timedelta(minutes=30),
        "attach": "ORDER1",
    }
    return Order(**(usual | fields))


def peer(sandbox: Sandbox, merchant: Merchant) -> WeChatPay:
    """wechatpayv3 in our place."""
    told = json.loads(sandbox.http.get("/wechat/credentials").text)
    library = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=told["mchid"],
        private_key=told["merchant_private_key"],
        cert_serial_no=told["merchant_serial"],
        apiv3_key=told["api_v3_key"],
        appid=told["appid"],
        notify_url=merchant.url,
        public_key=told["public_key"],
        public_key_id=told["public_key_id"],
    )
    library._core._gate_way = told["base_url"]
    return library


def received(sandbox: Sandbox) -> int:
    """How often WeChat was called."""
    return sum(entry["direction"] == "received" for entry in sandbox.requests(vendor="wechat"))


def paid(sandbox: Sandbox, merchant: Merchant, client: WechatClient, number: str = "WX2026112100000001") -> bytes:
    assert isinstance(client.native(order(merchant, number)), Done)
    sandbox.pay(number, vendor="wechat")
    return merchant.next()


@pytest.mark.parametrize(
    ("aad", "ciphertext"),
    [("transaction", "e06Xxv+YTCY8CMopMHuaPgor8g3eFGI="), ("", "e06Xxv+YTHASrPRcJQoF5NrouZd5uzQ=")],
)
def test_a_sealed_part_opens_as_published(aad: str, ciphertext: str) -> None:
    sealed = {"nonce": "uluk4a9R25RW", "associated_data": aad, "ciphertext": ciphertext}
    assert wechat_sign.unseal(KEY_32, sealed) == '{"a":1}'
    for changed in ({"nonce": "uluk4a9R25RX"}, {"associated_data": aad + "x"}, {"ciphertext": ciphertext[:-4] + "AAA="}):
        with pytest.raises(ValueError, match="not ours"):
            wechat_sign.unseal(KEY_32, sealed | changed)


def test_the_vector_of_wechats_own_library_opens() -> None:
    sealed = {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "wCq51qZv4Yfg",
        "associated_data": "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8",
        "ciphertext": "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC",
    }
    assert wechat_sign.unseal("testAPIv3Key0000", sealed) == "Hello World"
    with pytest.raises(ValueError, match="unknown algorithm"):
        wechat_sign.unseal("testAPIv3Key0000", sealed | {"algorithm": "none"})


class TestAgainstTheSimulator:
    def test_an_order_goes_its_whole_way(self, sandbox: Sandbox, merchant: Merchant) -> None:
        client = sandbox.wechat()
        number = "WX2026112100000002"
        assert client.query(number) == Done(None)
        code = client.native(order(merchant, number))
        assert isinstance(code, Done)
        assert code == client.native(order(merchant, number))
        assert code.value.startswith("weixin://")
        unpaid = client.query(number)
        assert isinstance(unpaid, Done)
        assert unpaid.value is not None
        assert unpaid.value.state is TradeState.NOTPAY
        sandbox.pay(number, vendor="wechat")
        found = client.query(number)
        assert isinstance(found, Done)
        assert found.value is not None
        assert (found.value.state, found.value.total) == (TradeState.SUCCESS, Money(1999))
        assert isinstance(client.close(number), Declined)

    def test_a_closed_order_stays_closed_and_an_unknown_one_says_so(self, sandbox: Sandbox, merchant: Merchant) -> None:
        client = sandbox.wechat()
        assert client.close("WX2026112100000003") == Done(value=False)
        client.native(order(merchant, "WX2026112100000003"))
        assert client.close("WX2026112100000003") == Done(value=True)
        assert client.close("WX2026112100000003") == Done(value=True)

    @pytest.mark.parametrize("behaviour", ["processing", "abnormal", "closed", "success"])
    def test_a_refund_is_made_when_it_says_so(self, sandbox: Sandbox, merchant: Merchant, behaviour: str) -> None:
        client = sandbox.wechat()
        paid(sandbox, merchant, client)
        sandbox.behave(vendor="wechat", refund=behaviour)
        asked = {"out_trade_no": "WX2026112100000001", "out_refund_no": "R1000001", "amount": Money(500)}
        said = client.refund(**asked, total=Money(1999), reason="r" * 200, notify_url=merchant.url)  # type: ignore[arg-type]
        assert isinstance(said, Done)
        assert said.value.state == {"processing": "PROCESSING", "success": "SUCCESS"}.get(behaviour, behaviour.upper())
        client.refund_query("R1000001")
        last = client.refund_query("R1000001")
        assert isinstance(last, Done)
        assert last.value is not None
        reached = RefundState.SUCCESS if behaviour in {"processing", "success"} else said.value.state
        assert last.value.state is reached
        assert client.refund_query("R1000002") == Done(None)

    @pytest.mark.parametrize("switch", ["down", "error", "wrong_signature", "unknown_once"])
    def test_what_is_not_proved_is_unknown(self, sandbox: Sandbox, merchant: Merchant, switch: str) -> None:
        sandbox.behave(vendor="wechat", gateway=switch)
        assert isinstance(sandbox.wechat().native(order(merchant)), Unknown)

    def test_certificates_serve_where_there_is_no_public_key(self, sandbox: Sandbox, merchant: Merchant) -> None:
        sandbox.behave(vendor="wechat", signs_with="certificate")
        client = sandbox.wechat(mode="certificate")
        body = paid(sandbox, merchant, client)
        notice = verify_notice(client.config, client.gateway.keys, merchant.headers[body], body, clock.now().timestamp())
        assert isinstance(notice.said, Trade)
        assert notice.said.total == Money(1999)

    def test_the_bill_of_the_day_has_every_payment_and_refund(
        self, sandbox: Sandbox, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = sandbox.wechat()
        paid(sandbox, merchant, client)
        client.refund(
            out_trade_no="WX2026112100000001",
            out_refund_no="R1000009",
            amount=Money(500),
            total=Money(1999),
            reason="r",
            notify_url=merchant.url,
        )
        today = clock.now().astimezone(clock.SHANGHAI).date()
        assert isinstance(client.bill(today), Unknown), "a day that is not over has no bill"
        assert client.bill(today - timedelta(days=40)) == Done([])


class TestThePeer:
    def test_the_simulator_accepts_what_the_library_signs_and_it_believes_the_answers(
        self, sandbox: Sandbox, merchant: Merchant
    ) -> None:
        library = peer(sandbox, merchant)
        status, text = library.pay(
            description="peer", out_trade_no="PEER20261121001", amount={"total": 100}, pay_type=WeChatPayType.NATIVE,
            time_expire=(clock.now() + timedelta(minutes=5)).isoformat(timespec="seconds"), attach="P",
        )  # fmt: skip
        assert (status, json.loads(text)["code_url"][:9]) == (200, "weixin://")
        status, text = library.query(out_trade_no="PEER20261121001")
        assert (status, json.loads(text)["trade_state"]) == (200, "NOTPAY")

    def test_the_library_believes_the_notices_of_the_simulator_that_we_believe(
        self, sandbox: Sandbox, merchant: Merchant
    ) -> None:
        client = sandbox.wechat()
        body = paid(sandbox, merchant, client)
        headers = merchant.headers[body]
        theirs = peer(sandbox, merchant).callback(headers, body.decode())
        ours = verify_notice(client.config, client.gateway.keys, headers, body, clock.now().timestamp())
        assert theirs is not None
        assert isinstance(ours.said, Trade)
        assert theirs["resource"]["transaction_id"] == ours.said.transaction_id
        assert peer(sandbox, merchant).callback(headers, body.decode().replace("sandbox", "sandbux")) is None

    def test_we_sign_requests_as_the_library_does(self, sandbox: Sandbox, merchant: Merchant) -> None:
        config = sandbox.wechat().config
        ours = wechat_sign.authorization(config, "POST", "/v3/x?y=1", '{"a":"好"}', at=1700000000, nonce_str="n" * 32)
        signature = ours.split('signature="')[1].split('"')[0]
        theirs = peer(sandbox, merchant).sign(["POST", "/v3/x?y=1", "1700000000", "n" * 32, '{"a":"好"}'])
        assert signature == theirs
        told = wechat_sign.page_parameters(config, "wx1", at=1700000000, nonce_str="n")
        assert told["paySign"] == peer(sandbox, merchant).sign([config.appid, "1700000000", "n", "prepay_id=wx1"])
        app = wechat_sign.app_parameters(config, "wx1", at=1700000000, nonce_str="n")
        assert app["sign"] == peer(sandbox, merchant).sign([config.appid, "1700000000", "n", "wx1"])


class TestNotBelieved:
    @pytest.fixture
    def heard(self, sandbox: Sandbox, merchant: Merchant) -> tuple[WechatClient, dict[str, str], bytes]:
        client = sandbox.wechat()
        body = paid(sandbox, merchant, client)
        return client, merchant.headers[body], body

    @pytest.mark.parametrize(
        "change",
        [
            {"wechatpay-signature": ""},
            {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"},
            {"wechatpay-signature": base64.b64encode(b"x" * 256).decode()},
            {"wechatpay-nonce": "other"},
            {"wechatpay-timestamp": "1"},
            {"wechatpay-timestamp": "٣٤"},
            {"wechatpay-serial": "SOMEBODYS"},
            {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"},
        ],
    )
    def test_another_header(self, heard: tuple[WechatClient, dict[str, str], bytes], change: dict[str, str]) -> None:
        client, headers, body = heard
        now = clock.now().timestamp()
        with pytest.raises(NotSignedError):
            verify_notice(client.config, client.gateway.keys, headers | change, body, now)
        verify_notice(client.config, client.gateway.keys, headers, body, now)

    def test_each_byte_of_the_body_counts(self, heard: tuple[WechatClient, dict[str, str], bytes]) -> None:
        client, headers, body = heard
        for at in range(0, len(body), 37):
            changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            with pytest.raises(NotSignedError):
                verify_notice(client.config, client.gateway.keys, headers, changed, clock.now().timestamp())

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_another_time(self, heard: tuple[WechatClient, dict[str, str], bytes], seconds: int) -> None:
        client, headers, body = heard
        with pytest.raises(NotSignedError, match="stale"):
            verify_notice(client.config, client.gateway.keys, headers, body, clock.now().timestamp() + seconds)

    @pytest.mark.parametrize("switch", ["wrong_signature", "wrong_merchant", "probe", "stale"])
    def test_what_the_vendor_sends_on_a_bad_day(self, sandbox: Sandbox, merchant: Merchant, switch: str) -> None:
        sandbox.behave(vendor="wechat", notify=switch)
        client = sandbox.wechat()
        body = paid(sandbox, merchant, client)
        with pytest.raises(NotSignedError):
            verify_notice(client.config, client.gateway.keys, merchant.headers[body], body, clock.now().timestamp())

    def test_an_unknown_serial_makes_no_call(
        self, heard: tuple[WechatClient, dict[str, str], bytes], sandbox: Sandbox
    ) -> None:
        client, headers, body = heard
        before = received(sandbox)
        with pytest.raises(NotSignedError, match="unknown serial"):
            verify_notice(
                client.config, client.gateway.keys, headers | {"wechatpay-serial": "X"}, body, clock.now().timestamp()
            )
        assert received(sandbox) == before


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"mchid": ""}, "lacks mchid"), ({"api_v3_key": "short"}, "not 32 bytes"), (None, "not a JSON object")],
)
def test_a_secret_that_cannot_serve_says_what_is_missing(
    sandbox: Sandbox, change: dict[str, str] | None, complaint: str
) -> None:
    told = json.loads(sandbox.http.get("/wechat/credentials").text)
    text = "[]" if change is None else json.dumps(told | change)
    with pytest.raises(ValueError, match=complaint):
        WechatConfig.from_secret(text)


def test_a_config_never_shows_its_keys(sandbox: Sandbox) -> None:
    config = sandbox.wechat().config
    assert config.merchant_private_key not in repr(config)
    assert config.api_v3_key not in repr(config)


def test_a_notice_of_a_refund_is_read(sandbox: Sandbox, merchant: Merchant) -> None:
    client = sandbox.wechat()
    paid(sandbox, merchant, client)
    client.refund(
        out_trade_no="WX2026112100000001", out_refund_no="R1000001", amount=Money(500), total=Money(1999), reason="r",
        notify_url=merchant.url,
    )  # fmt: skip
    said: Trade | Refund | Transfer | None = None
    while not isinstance(said, Refund):  # the payment's notice may come again: nobody acknowledged it
        body = merchant.next()
        now = clock.now().timestamp()
        said = verify_notice(client.config, client.gateway.keys, merchant.headers[body], body, now).said
    assert (said.amount, said.state) == (Money(500), RefundState.SUCCESS)


def test_the_sealing_of_the_test_is_not_ours() -> None:
    made = AESGCM(KEY_32.encode()).encrypt(b"123456789012", "好".encode(), b"")
    sealed = {"nonce": "123456789012", "associated_data": "", "ciphertext": base64.b64encode(made).decode()}
    assert wechat_sign.unseal(KEY_32, sealed) == "好"
