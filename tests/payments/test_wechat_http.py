"""Paying through WeChat, the real handler against the simulator over HTTP: scenes, notices, refunds that take their time."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.wechat import WechatGateway
from functions.payments.http import handler
from functions.payments.service import notices, refunds
from shared import clock
from shared.money import Money
from shared.sql.connection import reading
from shared.vendors.wechat_sign import SIGNED_HEADERS
from shared.vendors.wechat_transfers import TransferBill, transfer
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.payments.build import BUYER, PRICE, add_work

SUCCESS = {"code": "SUCCESS", "message": "OK"}


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


@pytest.fixture
def wechat(api: Callable[..., Api], notices_queue: str, sandbox: Sandbox, merchant: Merchant) -> Iterator[Api]:
    """The HTTP function in front of the simulator, whose notices are held for the test to deliver."""
    registry.use(WechatGateway(sandbox.wechat(), merchant.url.removesuffix("/notify")))
    yield api(handler, "payments")
    registry.use(None)


@pytest.fixture
def order_no(wechat: Api, house: House, buyer: str) -> str:
    body = {"kind": "content", "target_id": add_work(house.sql)}
    return str(wechat.post("/payments/orders", body, token=buyer).data["order_no"])


def start(wechat: Api, order_no: str, token: str, scene: str = "native", **fields: object) -> Reply:
    return wechat.post("/payments/wechat/create", {"order_no": order_no, "scene": scene} | fields, token=token)


def deliver(wechat: Api, merchant: Merchant, body: bytes, **changed: str) -> Reply:
    headers = {name: merchant.headers[body][name] for name in SIGNED_HEADERS} | changed
    return wechat.post("/payments/wechat/callback", json.loads(body), headers=headers)


def deliver_raw(wechat: Api, merchant: Merchant, body: bytes) -> Reply:
    """As sent, byte for byte: the signature covers them."""
    headers = {name: merchant.headers[body][name] for name in SIGNED_HEADERS}
    return wechat.call("POST", "/payments/wechat/callback", form=body.decode(), headers=headers)


def work_off(house: House) -> list[str]:
    """What the queue would deliver; how each notice ended."""
    with house.acting("payments"):
        with reading() as db:
            waiting = db.execute("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL").fetchall()
        for (notice_id,) in waiting:
            notices.process(notice_id)
    return [result for (result,) in house.sql("SELECT result FROM payments.payment_notices ORDER BY id")]


@pytest.mark.parametrize(
    ("scene", "member"), [("native", "qr_code"), ("h5", "pay_url"), ("jsapi", "app_params"), ("app", "app_params")]
)
def test_each_scene_hands_over_what_it_needs(wechat: Api, order_no: str, buyer: str, scene: str, member: str) -> None:
    extra = {"openid": "oUpF8uMuAJO"} if scene == "jsapi" else {}
    reply = start(wechat, order_no, buyer, scene, **extra)
    assert reply.status == 201
    given = {name for name in ("qr_code", "pay_url", "app_params") if reply.data[name] is not None}
    assert given == {member}
    assert (reply.data["channel"], reply.data["amount"]) == ("wechat", PRICE)


def test_inside_wechat_the_reader_is_named(wechat: Api, order_no: str, buyer: str) -> None:
    assert start(wechat, order_no, buyer, "jsapi").error == (422, "validation_error")
    assert start(wechat, order_no, buyer, "pc").error == (422, "validation_error")


def test_a_paid_order_is_paid_once_however_often_it_is_told(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
) -> None:
    sandbox.behave(vendor="wechat", notify="duplicate")
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    first, second = merchant.next(), merchant.next()
    for body in (first, second, first):
        reply = deliver_raw(wechat, merchant, body)
        assert (reply.status, reply.json) == (200, SUCCESS)
    work_off(house)
    assert house.sql("SELECT status, channel FROM payments.payment_orders") == [("paid", "wechat")]
    assert len(house.facts("payments.order_paid.v1")) == 1
    assert house.sql("SELECT count(*) FROM payments.payment_cases") == [(0,)]


def test_a_notice_that_waited_in_the_queue_for_an_hour_still_counts(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
) -> None:
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    assert deliver_raw(wechat, merchant, merchant.next()).status == 200
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert work_off(house) == ["settled"]
    assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]


@pytest.mark.parametrize("switch", ["wrong_signature", "probe", "stale", "wrong_merchant"])
def test_what_is_not_wechats_word_to_us_is_refused_and_kept(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str, switch: str
) -> None:
    sandbox.behave(vendor="wechat", notify=switch)
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    assert deliver_raw(wechat, merchant, merchant.next()).error == (401, "signature_invalid")
    assert house.sql("SELECT verified FROM payments.payment_notices") == [(False,)]
    assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]


def test_a_body_written_anew_is_another_body(
    wechat: Api, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
) -> None:
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    body = merchant.next()
    assert deliver(wechat, merchant, body, **{"wechatpay-nonce": "x"}).error == (401, "signature_invalid")


def test_another_amount_settles_nothing_and_is_a_case(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
) -> None:
    sandbox.behave(vendor="wechat", notify="wrong_amount")
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    assert deliver_raw(wechat, merchant, merchant.next()).error == (409, "amount_mismatch")
    assert house.sql("SELECT kind FROM payments.payment_cases") == [("amount_mismatch",)]
    assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]


def test_a_refund_under_way_is_asked_about_until_it_is_made(
    wechat: Api,
    house: House,
    sandbox: Sandbox,
    merchant: Merchant,
    order_no: str,
    buyer: str,
    sign_in: Callable[..., str],
) -> None:
    payment = start(wechat, order_no, buyer).data
    sandbox.pay(payment["payment_no"], vendor="wechat")
    deliver_raw(wechat, merchant, merchant.next())
    work_off(house)
    sandbox.behave(vendor="wechat", refund="processing")
    asked = wechat.post(f"/payments/refund/{order_no}", {"reason": "changed my mind"}, token=buyer).data
    operator = sign_in(9, permissions=("payment:write",))
    path = f"/admin/payments/refunds/{asked['refund_id']}/process"
    assert wechat.post(path, {"action": "approve"}, token=operator).data["status"] == "processing"
    for _ in range(2):
        house.sql("UPDATE payments.payment_refunds SET next_try_at = now() - interval '1 minute'")
        with house.acting("payments"):
            refunds.finish_due()
    assert house.sql("SELECT status FROM payments.payment_refunds") == [("succeeded",)]
    assert house.sql("SELECT status FROM payments.payment_orders") == [("refunded",)]
    received = [one for one in sandbox.requests(vendor="wechat") if one["what"].startswith("POST /v3/refund")]
    assert len(received) == 1, "it was sent once, and asked about after that"


def test_paying_while_the_order_is_cancelled_is_settled_late(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
) -> None:
    payment = start(wechat, order_no, buyer).data
    wechat.post(f"/payments/orders/{order_no}/cancel", token=buyer)
    sandbox.pay(payment["payment_no"], vendor="wechat", late=True)
    assert deliver_raw(wechat, merchant, merchant.next()).status == 200
    work_off(house)
    assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]


def test_the_end_of_a_transfer_is_told_once_to_who_sent_it(
    wechat: Api, house: House, sandbox: Sandbox, merchant: Merchant
) -> None:
    bill = TransferBill("T1", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "张三", Money(12_345), "withdrawal 7", merchant.url)
    transfer(sandbox.wechat().gateway, bill)
    sandbox.control("wechat", "confirm", {"out_bill_no": "T1"}).raise_for_status()
    body = merchant.next()
    headers = {name: merchant.headers[body][name] for name in SIGNED_HEADERS}
    for _ in range(2):
        reply = wechat.call("POST", "/payments/wechat/callback", form=body.decode(), headers=headers)
        assert (reply.status, reply.json) == (200, SUCCESS)
        assert work_off(house) == ["told to who sent it"]
    assert [(fact["channel"], fact["transfer_no"]) for fact in house.facts("payments.transfer_ended.v1")] == [
        ("wechat", "T1")
    ]
    assert house.sql("SELECT count(*) FROM payments.payment_cases") == [(0,)]
