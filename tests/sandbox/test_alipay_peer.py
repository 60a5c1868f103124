"""python-alipay-sdk, which shares no line with us, against the simulator: both ways of every signature."""

import ast
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from alipay import AliPay
from alipay.exceptions import AliPayException

from infra.local import sandbox as package
from shared.ids import new_order_no
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.vendors.keys import peer_as_app


@pytest.fixture
def peer(sandbox: Sandbox) -> AliPay:
    """The peer in the product's place, with the product's credentials."""
    told = sandbox.http.get("/alipay/credentials").json()
    sdk = AliPay(
        appid=told["app_id"],
        app_private_key_string=f"-----BEGIN PRIVATE KEY-----\n{told['app_private_key']}\n-----END PRIVATE KEY-----",
        alipay_public_key_string=f"-----BEGIN PUBLIC KEY-----\n{told['alipay_public_key']}\n-----END PUBLIC KEY-----",
    )
    sdk._gateway = told["gateway_url"]
    return sdk


def test_the_simulator_accepts_what_the_peer_signs_and_the_peer_what_the_simulator_signs(sandbox, peer):
    number = new_order_no()

    made = peer.api_alipay_trade_precreate("会员 一月 ", number, "12.30")
    assert made["qr_code"].startswith(sandbox.url)
    assert peer.api_alipay_trade_query(out_trade_no=number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    sandbox.pay(number)
    assert peer.api_alipay_trade_query(out_trade_no=number)["trade_status"] == "TRADE_SUCCESS"
    refunded = peer.api_alipay_trade_refund("2.30", out_trade_no=number, out_request_no="R1")
    assert (refunded["fund_change"], refunded["refund_fee"]) == ("Y", "2.30")
    assert peer.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=number)["refund_status"] == "REFUND_SUCCESS"
    assert peer.api_alipay_trade_close(out_trade_no=number)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_the_peers_payment_page_address_opens_the_cashier(sandbox, peer):
    number = new_order_no()
    query = peer.api_alipay_trade_page_pay("会员", number, "12.30", return_url="https://shop.example/", notify_url=None)

    assert "确认付款 Pay ¥12.30" in sandbox.http.get(f"/alipay/gateway.do?{query}").text


def test_the_simulator_refuses_a_peer_with_another_key(sandbox, peer):
    stranger = peer_as_app()
    stranger._gateway = peer._gateway

    with pytest.raises(AliPayException, match=r"isv\.invalid-signature"):
        stranger.api_alipay_trade_query(out_trade_no="1")


def test_the_peer_believes_the_simulators_notifications_and_return_addresses(sandbox, peer, merchant: Merchant):
    number = new_order_no()
    query = peer.api_alipay_trade_page_pay(
        "会员 }", number, "12.30", return_url="https://shop.example/", notify_url=merchant.url, passback_params="O1"
    )
    sandbox.http.get(f"/alipay/gateway.do?{query}")
    sandbox.pay("O1")
    payment = dict(parse_qsl(merchant.next().decode(), keep_blank_values=True))
    peer.api_alipay_trade_refund("2.30", out_trade_no=number, out_request_no="R1")
    refund = dict(parse_qsl(merchant.next().decode(), keep_blank_values=True))

    for fields, words in (
        (payment, {"out_trade_no": number, "body": ""}),
        (refund, {"out_biz_no": "R1", "refund_fee": "2.30"}),
    ):
        assert words.items() <= fields.items()
        signature = fields.pop("sign")
        assert peer.verify(dict(fields), signature)
        assert not peer.verify(fields | {"total_amount": "12.31"}, signature)
        assert not peer.verify({name: value for name, value in fields.items() if name != "body"}, signature)


def test_the_return_address_is_signed_like_a_notification(sandbox, peer):
    number = new_order_no()
    query = peer.api_alipay_trade_page_pay("会员", number, "12.30", return_url="https://shop.example/back")
    page = sandbox.http.get(f"/alipay/gateway.do?{query}").text
    action = page.split('method="post" action="')[1].split('"')[0]
    after = sandbox.http.post(action, follow_redirects=True).text
    address = after.split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    fields = dict(parse_qsl(address.partition("?")[2], keep_blank_values=True))
    signature = fields.pop("sign")

    assert address.startswith("https://shop.example/back?")
    assert fields["out_trade_no"] == number
    assert peer.verify(fields, signature)


def test_the_simulator_shares_no_code_with_the_products_client():
    for file in Path(package.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("shared.vendors") for name in names), file
