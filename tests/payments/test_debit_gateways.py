"""Debits by the vendors' own wires, over their simulators: what came of one is what the product is told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from functions.payments.gateways.alipay_debits import AlipayDebits
from functions.payments.gateways.base import NoAnswer, NotBelievedError, Paid, Posted, Unpaid
from functions.payments.gateways.debits import Debit, DebitGateway, Refused, Unsent, Waiting
from functions.payments.gateways.wechat import WechatGateway
from functions.payments.gateways.wechat_debits import WechatDebits
from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay_agreements import AlipayAgreements, Offer
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import WechatPapay
from shared.vendors.wechat_v2 import ACKNOWLEDGED
from tests.fixtures.sandbox import Merchant, Sandbox


@dataclass
class Played:
    """A gateway, an agreement in force, and the vendor's switches."""

    gateway: DebitGateway
    agreement_no: str
    behave: Callable[..., None]
    end: Callable[[], Any]

    def debit(self, payment_no: str | None = None) -> Debit:
        ends = clock.now() + timedelta(hours=1)
        return Debit(payment_no or new_order_no(), "ORDER1", Money(2900), "会员", self.agreement_no, ends)

    def outcome(self, debit: Debit) -> Any:
        """What is known of it at last: WeChat tells it by the query."""
        said = self.gateway.debit(debit)
        return self.gateway.debit_query(debit.payment_no) if isinstance(said, Waiting) else said


def _alipay(sandbox: Sandbox, merchant: Merchant) -> Played:
    config, number = AlipayConfig.from_secret(sandbox.secret()), new_order_no()
    agreements = AlipayAgreements(config)
    today = clock.now().astimezone(clock.SHANGHAI).date()
    due = today if today.day <= 28 else today.replace(day=1) + timedelta(days=32)
    offer = Offer(
        external_no=number,
        single_amount=Money(2900),
        period_months=1,
        debit_day=due if due == today else due.replace(day=1),
        account="1",
        notify_url="",
        return_url="",
        at=clock.now(),
    )
    sandbox.http.get(agreements.sign_url(offer).removeprefix(sandbox.url))
    signed = sandbox.control("alipay", "sign", {"external_no": number}).raise_for_status().json()
    gateway = AlipayDebits(agreements, sandbox.alipay(), merchant.url.removesuffix("/notify"))
    end = lambda: sandbox.control("alipay", "unsign", {"external_no": number}).raise_for_status()  # noqa: E731 - a switch
    return Played(gateway, signed["agreement_no"], sandbox.behave, end)


def _wechat(sandbox: Sandbox, merchant: Merchant) -> Played:
    merchant.answers.extend([(200, ACKNOWLEDGED.encode())] * 10)
    client, number = WechatPapay(WechatConfig.from_secret(sandbox.secret("wechat"))), new_order_no()
    url = client.sign_url(contract_code=number, serial=1, account="1", notify_url=merchant.url, at=clock.now())
    sandbox.http.get(url.removeprefix(sandbox.url))
    signed = sandbox.control("wechat", "sign", {"external_no": number}).raise_for_status().json()
    merchant.next()
    gateway = WechatDebits(client, merchant.url.removesuffix("/notify"))
    end = lambda: sandbox.control("wechat", "unsign", {"external_no": number}).raise_for_status()  # noqa: E731 - a switch
    return Played(gateway, signed["agreement_no"], lambda **told: sandbox.behave(vendor="wechat", **told), end)


@pytest.fixture(params=[_alipay, _wechat], ids=["alipay", "wechat"])
def played(request: pytest.FixtureRequest, sandbox: Sandbox, merchant: Merchant) -> Played:
    made: Played = request.param(sandbox, merchant)
    return made


def test_one_number_takes_money_once_and_the_query_agrees(played: Played) -> None:
    debit = played.debit()
    assert played.gateway.debit_query(debit.payment_no) == Unsent()
    paid = played.outcome(debit)
    assert isinstance(paid, Paid)
    assert paid.amount == Money(2900)
    assert isinstance(played.gateway.debit(debit), NoAnswer)
    again = played.gateway.debit_query(debit.payment_no)
    assert isinstance(again, Paid)
    assert again.gateway_no == paid.gateway_no


@pytest.mark.parametrize(
    ("switch", "reason", "hard"),
    [("insufficient", "insufficient", False), ("limit", "limit", False), ("ended", "agreement_ended", True)],
)
def test_a_refusal_is_told_in_our_words(played: Played, switch: str, reason: str, hard: bool) -> None:
    played.behave(debit=switch)
    refused = played.outcome(played.debit())
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.hard) == (reason, hard)
    assert isinstance(played.outcome(played.debit()), Paid)


def test_an_agreement_that_ended_debits_nothing(played: Played) -> None:
    played.end()
    refused = played.outcome(played.debit())
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.hard) == ("agreement_ended", True)


@pytest.mark.parametrize(("switch", "taken"), [("down", False), ("unknown_once", True), ("wrong_signature", True)])
def test_no_answer_is_neither_paid_nor_refused(played: Played, switch: str, taken: bool) -> None:
    debit = played.debit()
    played.behave(gateway=switch)
    assert isinstance(played.gateway.debit(debit), NoAnswer)
    played.behave(gateway="up")
    assert isinstance(played.gateway.debit_query(debit.payment_no), Paid if taken else Unsent)


class TestWechatNotices:
    @pytest.fixture
    def gateway(self, sandbox: Sandbox, merchant: Merchant) -> WechatGateway:
        return WechatGateway(sandbox.wechat(), merchant.url.removesuffix("/notify"))

    @pytest.fixture
    def told(self, sandbox: Sandbox, merchant: Merchant) -> Callable[..., tuple[str, bytes]]:
        played = _wechat(sandbox, merchant)

        def debited(**switches: Any) -> tuple[str, bytes]:
            played.behave(**switches)
            debit = played.debit()
            played.gateway.debit(debit)
            return debit.payment_no, merchant.next()

        return debited

    def test_the_notice_of_a_debit_is_one_of_a_payment(self, gateway: WechatGateway, told: Any) -> None:
        payment_no, body = told()
        notice = gateway.verify_notification(Posted(body))
        assert (notice.payment_no, notice.refund_no) == (payment_no, None)
        assert isinstance(notice.state, Paid)
        assert notice.state.amount == Money(2900)

    def test_one_that_took_nothing_settles_nothing(self, gateway: WechatGateway, told: Any) -> None:
        _, body = told(debit="insufficient")
        assert gateway.verify_notification(Posted(body)).state == Unpaid("NOTENOUGH")

    @pytest.mark.parametrize("switch", ["wrong_signature", "wrong_merchant"])
    def test_a_forged_one_is_not_believed(self, gateway: WechatGateway, told: Any, switch: str) -> None:
        _, body = told(notify=switch)
        with pytest.raises(NotBelievedError):
            gateway.verify_notification(Posted(body))

    def test_one_that_was_tampered_with_is_not_believed(self, gateway: WechatGateway, told: Any) -> None:
        _, body = told()
        with pytest.raises(NotBelievedError, match="signature"):
            gateway.verify_notification(Posted(body.replace(b"2900", b"2901")))
