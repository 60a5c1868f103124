"""Agreements by the vendors' own wires, over their simulators and through our routes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.gateways import registry
from functions.subscriptions.gateways.alipay import AlipayAgreementGateway
from functions.subscriptions.gateways.base import Ended, InForce, NoAnswer, NotBelievedError, NotInForce
from functions.subscriptions.gateways.wechat import WechatAgreementGateway
from shared import clock, crypto
from shared.vendors.alipay_agreements import AlipayAgreements
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import WechatPapay
from shared.vendors.wechat_v2 import ACKNOWLEDGED
from shared.views.agreements import number_context
from tests.fixtures.api import Reply
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.subscriptions.agreeing import Desk, desk, vendors

__all__ = ["desk", "vendors"]

WORD = {"alipay": "success", "wechat": ACKNOWLEDGED}


@dataclass
class Play:
    """A customer before a vendor, whose notices arrive when the test says so."""

    desk: Desk
    sandbox: Sandbox
    merchant: Merchant
    gateway: Any

    @property
    def channel(self) -> AgreementChannel:
        channel: AgreementChannel = self.gateway.channel
        return channel

    @property
    def external_no(self) -> str:
        return str(self.desk.last()["external_no"])

    def ask(self) -> str:
        """SUB-010, and the page is opened."""
        url = str(self.desk.turn_on(self.channel).data["agreement"]["sign_url"])
        assert self.sandbox.http.get(url.removeprefix(self.sandbox.url)).status_code == 200
        return url

    def act(self, act: str) -> dict[str, Any]:
        """The subscriber's hand at the vendor."""
        told: dict[str, Any] = (
            self.sandbox.control(self.channel, act, {"external_no": self.external_no}).raise_for_status().json()
        )
        return told

    def behave(self, **switches: str) -> None:
        self.sandbox.behave(vendor=self.channel, **switches)

    def deliver(self) -> Reply:
        """The notice that was sent arrives."""
        return self.desk.hear(self.merchant.next(), self.channel)

    def status(self) -> tuple[Any, ...]:
        return tuple(self.desk.last()[name] for name in ("status", "end_reason", "unsign_owed"))


def _alipay(sandbox: Sandbox, home: str) -> AlipayAgreementGateway:
    return AlipayAgreementGateway(AlipayAgreements(AlipayConfig.from_secret(sandbox.secret())), home)


def _wechat(sandbox: Sandbox, home: str) -> WechatAgreementGateway:
    return WechatAgreementGateway(WechatPapay(WechatConfig.from_secret(sandbox.secret("wechat"))), home)


@pytest.fixture(params=[_alipay, _wechat], ids=["alipay", "wechat"])
def play(request: pytest.FixtureRequest, desk: Desk, sandbox: Sandbox, merchant: Merchant) -> Iterator[Play]:
    make: Callable[[Sandbox, str], Any] = request.param
    gateway = make(sandbox, merchant.url.removesuffix("/notify"))
    registry.use(gateway)
    merchant.answers.extend([(200, WORD[gateway.channel].encode())] * 10)
    yield Play(desk, sandbox, merchant, gateway)
    registry.use(None)


def test_signed_told_of_used_and_ended_by_its_owner(play: Play) -> None:
    assert play.ask() == play.ask()
    theirs = play.act("sign")["agreement_no"]
    heard = play.deliver()
    assert (heard.status, heard.text) == (200, WORD[play.channel])
    row = play.desk.last()
    assert row["status"] == "signed"
    assert crypto.decrypt(row["agreement_no"], number_context(row["external_no"])) == theirs
    assert play.gateway.query(row["external_no"]).agreement_no == theirs

    assert play.desk.turn_off().status == 200
    assert play.status() == ("terminated", "unused", True)
    play.desk.look_after()
    assert play.status() == ("terminated", "unused", False)
    assert play.gateway.query(row["external_no"]) == NotInForce()
    assert play.deliver().text == WORD[play.channel]
    assert play.status() == ("terminated", "unused", False)


def test_ended_in_the_wallet_it_is_debited_by_no_more(play: Play) -> None:
    play.ask()
    play.act("sign")
    signed = play.merchant.next()
    play.act("unsign")
    ended = play.merchant.next()
    for notice in (ended, signed, ended, signed):
        assert play.desk.hear(notice, play.channel).text == WORD[play.channel]
    assert play.status() == ("terminated", "vendor", False)
    renewal = play.desk.shop.api.get(f"/subscriptions/renewals/{play.desk.subscription_id}", token=play.desk.shop.token).data
    assert (renewal["renews"], renewal["means"]) == (True, "pay_link")


def test_notices_lost_and_forged_are_made_up_for_by_asking(play: Play) -> None:
    play.ask()
    play.behave(notify="wrong_signature")
    play.act("sign")
    assert play.deliver().error == (401, "signature_invalid")
    assert play.status()[0] == "signing"
    with play.desk.shop.at(clock.now() + timedelta(minutes=2)):
        play.desk.look_after()
    assert play.status()[0] == "signed"


def test_a_vendor_that_is_down_is_told_of_the_end_later(play: Play) -> None:
    play.ask()
    play.act("sign")
    play.deliver()
    play.behave(gateway="down")
    assert isinstance(play.gateway.query(play.external_no), NoAnswer)
    play.desk.turn_off()
    play.desk.look_after()
    assert play.status() == ("terminated", "unused", True)
    play.behave(gateway="up")
    with play.desk.shop.at(clock.now() + timedelta(hours=1)):
        play.desk.look_after()
    assert play.status() == ("terminated", "unused", False)
    assert play.gateway.query(play.external_no) == NotInForce()


def test_an_end_that_was_not_answered_is_asked_for_again(play: Play) -> None:
    play.ask()
    theirs = play.act("sign")["agreement_no"]
    play.behave(gateway="unknown_once")
    assert isinstance(play.gateway.unsign(play.external_no, theirs), NoAnswer)
    play.behave(gateway="up")
    assert play.gateway.unsign(play.external_no, theirs) == Ended()
    assert play.gateway.query(play.external_no) == NotInForce()


def test_what_is_nobodys_word_is_not_believed(play: Play) -> None:
    play.ask()
    assert not isinstance(play.gateway.query(play.external_no), InForce)
    play.act("sign")
    notice = play.merchant.next()
    for body in (b"", b"a=1", b"<xml></xml>", b"<xml><a>1", b"\xff\xfe", notice.replace(b"sign", b"sing"), notice + notice):
        with pytest.raises(NotBelievedError):
            play.gateway.verify(body)
    changed = notice.replace(play.external_no.encode(), b"SOMEBODYELSES")
    with pytest.raises(NotBelievedError):
        play.gateway.verify(changed)
    assert play.gateway.verify(notice).external_no == play.external_no
