"""The promises every gateway keeps: the Null twin, and the vendors' over their simulators, held to the same sentences."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.alipay import NOTIFY_PATH, AlipayGateway
from functions.payments.gateways.base import (
    Bill,
    Buyer,
    Declined,
    Ended,
    Gateway,
    Handover,
    NoAnswer,
    NotBelievedError,
    NotRepaid,
    Paid,
    Posted,
    Repaid,
    Repayment,
    Unpaid,
)
from functions.payments.gateways.null import NullGateway
from functions.payments.gateways.unionpay import UnionpayGateway
from functions.payments.gateways.wechat import WechatGateway
from functions.payments.models import Scene
from shared import aws, clock
from shared.ids import new_order_no
from shared.money import Money
from shared.settings import Settings
from tests.fixtures.sandbox import Merchant, Sandbox


@dataclass
class Played:
    """A gateway, and the buyer's and the vendor's side of it."""

    gateway: Gateway
    pay: Callable[[str], Any]
    scan: Callable[[str], Any]
    down: Callable[[], Any]
    notice: Callable[[str], Posted]
    scene: Scene = "qr"
    """How to start where that takes a call."""
    closes: bool = True
    """Whether a payment can be stopped before its time."""


@pytest.fixture(params=["null", "alipay", "wechat", "unionpay"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    if request.param == "null":
        null = NullGateway()
        yield Played(null, null.pay, lambda _: None, lambda: setattr(null, "down", True), null.notice)
        return
    sandbox: Sandbox = request.getfixturevalue("sandbox")
    merchant: Merchant = request.getfixturevalue("merchant")
    public_url = merchant.url.removesuffix("/notify")
    if request.param == "wechat":

        def pay(number: str) -> Any:
            return sandbox.pay(number, vendor="wechat")

        def posted(_: str) -> Posted:
            body = merchant.next()
            return Posted(body, merchant.headers[body])

        off = partial(sandbox.behave, vendor="wechat", gateway="down")
        yield Played(WechatGateway(sandbox.wechat(), public_url), pay, lambda _: None, off, posted)
        return
    if request.param == "unionpay":
        yield Played(
            UnionpayGateway(sandbox.unionpay(), public_url),
            partial(sandbox.pay, vendor="unionpay"),
            lambda _: None,
            partial(sandbox.behave, vendor="unionpay", gateway="down"),
            lambda _: Posted(merchant.next()),
            scene="app",
            closes=False,
        )
        return
    gateway = AlipayGateway(sandbox.alipay(), public_url)
    down = lambda: sandbox.behave(gateway="down")  # noqa: E731 - reads as the switch it is
    yield Played(gateway, sandbox.pay, sandbox.scan, down, lambda _: Posted(merchant.next()))


def bill(**fields: Any) -> Bill:
    usual: dict[str, Any] = {
        "payment_no": new_order_no(),
        "order_no": new_order_no(),
        "amount": Money(1999),
        "subject": "复利 / 的 = 秘密 & co",
        "scene": "qr",
        "expires_at": clock.now() + timedelta(minutes=30),
    }
    return Bill(**(usual | fields))


def paid(played: Played) -> Bill:
    asked = bill(scene=played.scene)
    assert isinstance(played.gateway.create(asked), Handover)
    played.pay(asked.payment_no)
    return asked


def repayment(of: Bill, amount: int = 1999, refund_no: str | None = None) -> Repayment:
    return Repayment(of.payment_no, refund_no or new_order_no(), Money(amount), "changed my mind", of.amount, None)


def test_what_the_vendor_gave_is_the_same_when_asked_for_again(played: Played) -> None:
    asked = bill(scene=played.scene)
    first = played.gateway.create(asked)
    assert isinstance(first, Handover)
    assert first.qr_code or first.app_params
    assert played.gateway.create(asked) == first


@pytest.mark.parametrize("scene", ["pc", "h5"])
def test_a_page_is_an_address(played: Played, scene: str) -> None:
    if (played.gateway.channel, scene) == ("wechat", "pc"):
        pytest.skip("WeChat has no page for a computer: its code is shown there")
    said = played.gateway.create(bill(scene=scene, buyer=Buyer("https://shop.example/back")))
    assert isinstance(said, Handover)
    assert said.pay_url
    assert (said.qr_code, said.app_params) == (None, None)


def test_an_app_gets_what_it_hands_on(played: Played) -> None:
    said = played.gateway.create(bill(scene="app"))
    assert isinstance(said, Handover)
    assert said.app_params is not None
    known = {"alipay": {"order_string"}, "unionpay": {"tn"}}
    assert set(said.app_params) == known.get(played.gateway.channel) or said.app_params["package"] == "Sign=WXPay"
    assert (said.pay_url, said.qr_code) == (None, None)


@pytest.mark.parametrize(
    ("scene", "method"),
    [("pc", "alipay.trade.page.pay"), ("h5", "alipay.trade.wap.pay"), ("app", "alipay.trade.app.pay")],
)
def test_alipay_takes_what_the_buyer_brings_it(sandbox: Sandbox, scene: str, method: str) -> None:
    gateway = AlipayGateway(sandbox.alipay(), "http://127.0.0.1:9")
    asked = bill(scene=scene, buyer=Buyer(None if scene == "app" else "https://shop.example/back"))
    said = gateway.create(asked)
    assert isinstance(said, Handover)
    address = said.pay_url or f"/alipay/gateway.do?{(said.app_params or {})['order_string']}"
    assert sandbox.http.get(address).status_code == 200
    (seen,) = sandbox.requests(asked.payment_no)
    assert seen["what"] == method
    sandbox.pay(asked.payment_no)
    assert isinstance(gateway.query(asked.payment_no), Paid)


def test_a_payment_is_unpaid_until_it_is_paid(played: Played) -> None:
    asked = bill(scene=played.scene)
    assert isinstance(played.gateway.query(asked.payment_no), Unpaid), "never offered"
    played.gateway.create(asked)
    assert isinstance(played.gateway.query(asked.payment_no), Unpaid), "offered"
    played.scan(asked.payment_no)
    assert isinstance(played.gateway.query(asked.payment_no), Unpaid), "looked at"
    played.pay(asked.payment_no)
    said = played.gateway.query(asked.payment_no)
    assert isinstance(said, Paid)
    assert said.amount == Money(1999)
    assert said.gateway_no
    assert played.gateway.query(asked.payment_no) == said


def test_an_unpaid_payment_can_be_closed_twice(played: Played) -> None:
    if not played.closes:
        pytest.skip("UnionPay closes nothing")
    asked = bill()
    played.gateway.create(asked)
    played.scan(asked.payment_no)
    for _ in range(2):
        assert played.gateway.close(asked.payment_no) == Ended(played.gateway.query(asked.payment_no).status)  # type: ignore[union-attr]
    assert isinstance(played.gateway.query(asked.payment_no), Ended)


def test_closing_what_the_vendor_never_saw_says_so(played: Played) -> None:
    said = played.gateway.close(bill().payment_no)
    assert isinstance(said, Ended)
    assert not said.seen


def test_a_paid_payment_is_not_closed(played: Played) -> None:
    asked = paid(played)
    assert isinstance(played.gateway.close(asked.payment_no), Declined)
    assert isinstance(played.gateway.query(asked.payment_no), Paid)


def test_money_goes_back_once_per_number(played: Played) -> None:
    asked = paid(played)
    first = repayment(asked, 500)
    assert isinstance(played.gateway.refund_query(first), NotRepaid)
    assert isinstance(played.gateway.refund(first), Repaid)
    again = played.gateway.refund(first)
    assert isinstance(again, NoAnswer | Repaid), "a repeat sends one to ask, or says what was done"
    assert isinstance(played.gateway.refund_query(first), Repaid)
    assert isinstance(played.gateway.refund(repayment(asked, 1499)), Repaid), "500 went back, once"


def test_more_than_was_paid_does_not_go_back(played: Played) -> None:
    asked = paid(played)
    assert isinstance(played.gateway.refund(repayment(asked, 1500)), Repaid)
    assert isinstance(played.gateway.refund(repayment(asked, 500)), Declined)
    assert isinstance(played.gateway.refund(repayment(asked, 499)), Repaid)


def test_what_was_not_paid_does_not_go_back(played: Played) -> None:
    asked = bill(scene=played.scene)
    played.gateway.create(asked)
    played.scan(asked.payment_no)
    assert isinstance(played.gateway.refund(repayment(asked)), Declined)


def test_a_notice_says_what_the_query_says(played: Played) -> None:
    asked = paid(played)
    posted = played.notice(asked.payment_no)
    told = played.gateway.verify_notification(posted)
    assert told.state == played.gateway.query(asked.payment_no)
    assert (told.payment_no, told.refund_no) == (asked.payment_no, None)
    assert told.notify_id
    assert played.gateway.verify_notification(posted) == told


@pytest.mark.parametrize("body", [b"", b"nonsense", b"a=1&sign=x", b"\xff\xfe", b"{}", b"[]", b"null"])
def test_nothing_else_is_believed(played: Played, body: bytes) -> None:
    with pytest.raises(NotBelievedError):
        played.gateway.verify_notification(Posted(body))


def test_a_vendor_that_is_down_answers_nothing_and_does_nothing(played: Played) -> None:
    asked = paid(played)
    played.down()
    gateway, back = played.gateway, repayment(asked)
    for said in (
        gateway.create(bill(scene=played.scene)),
        gateway.query(asked.payment_no),
        gateway.close(asked.payment_no),
        gateway.refund(back),
        gateway.refund_query(back),
    ):
        assert isinstance(said, NoAnswer), said


def test_alipay_is_made_of_the_secret_and_notifies_our_own_address(
    sandbox: Sandbox, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/alipay", SecretString=sandbox.secret())
    monkeypatch.setenv("PUBLIC_URL", "https://share.example")
    Settings.forget()
    registry.use(None)
    gateway = registry.gateway("alipay")
    asked = bill()
    assert isinstance(gateway.create(asked), Handover)
    assert registry.gateway("alipay") is gateway
    (seen,) = sandbox.requests(asked.payment_no)
    assert seen["request"]["notify_url"] == f"https://share.example{NOTIFY_PATH}"
    registry.use(None)


def test_a_refund_alipay_left_unknown_is_asked_about(sandbox: Sandbox) -> None:
    gateway = AlipayGateway(sandbox.alipay(), "http://127.0.0.1:9")
    asked = bill()
    gateway.create(asked)
    sandbox.pay(asked.payment_no)
    sandbox.behave(gateway="unknown_once")
    back = repayment(asked)
    assert isinstance(gateway.refund(back), NoAnswer)
    assert isinstance(gateway.refund_query(back), Repaid)
    other = repayment(asked, 5, back.refund_no)
    assert isinstance(gateway.refund(other), NoAnswer), "the number was used: the query tells, it is no refusal"
