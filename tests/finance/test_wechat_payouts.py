"""Payouts to WeChat balances and to bank cards, over real HTTP against the simulators of their vendors."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from events.payments import TransferEnded
from functions.finance import on_transfer_ended, send_transfer
from functions.finance.gateways.alipay import AlipayPayouts
from functions.finance.gateways.base import Payout, Said
from functions.finance.gateways.by_hand import ByHand
from functions.finance.gateways.wechat import NOTIFY_PATH, WechatPayouts
from functions.finance.service.payees import Target
from functions.finance.withdrawal import BY_HAND, CONFIRM, is_hopeless
from functions.payments.gateways.wechat import NOTIFY_PATH as HEARD_AT
from shared import aws, clock
from shared.ids import new_ulid
from shared.money import Money
from shared.vendors.wechat_notify import verify_notice
from shared.vendors.wechat_transfers import Transfer, TransferState
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR
from tests.fixtures.sandbox import Merchant, Sandbox

OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
CARD = "6228480402564890018"


Later = Callable[..., object]


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    """The clock of everybody, the vendors too, goes forward."""
    file = tmp_path / "clock.json"
    monkeypatch.setenv("CLOCK_FILE", str(file))
    return lambda **span: file.write_text(json.dumps({"offset_seconds": int(timedelta(**span).total_seconds())}))


@pytest.fixture(params=["public_key", "certificate"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wechat(sandbox: Sandbox) -> WechatPayouts:
    return WechatPayouts(sandbox.wechat(), "https://share.example")


def payout(amount: int = 12_345, account: str = OPENID) -> Payout:
    return Payout(new_ulid(), Money(amount), account, "张三", "withdrawal 7", "招商银行")


def behave(sandbox: Sandbox, **told: Any) -> None:
    sandbox.behave(vendor="wechat", **told)


def asked(payouts: Any, number: str) -> Said:
    said = payouts.ask(number)
    assert said is not None
    return said  # type: ignore[no-any-return]


def received(sandbox: Sandbox, number: str) -> dict[str, Any]:
    """What WeChat got of the first call under a number."""
    return dict(sandbox.requests(number, vendor="wechat")[-1]["request"])


def test_the_payee_confirms_and_only_then_is_it_paid(wechat: WechatPayouts, sandbox: Sandbox) -> None:
    wanted = payout()
    first = wechat.send(wanted)
    assert (first.status, first.code) == ("open", CONFIRM)
    handed = json.loads(first.confirm or "")
    assert set(handed) == {"mchId", "appId", "package"}
    assert wechat.send(wanted) == first
    assert asked(wechat, wanted.transfer_no) == Said("open", first.gateway_no, CONFIRM)
    sandbox.control("wechat", "confirm", {"out_bill_no": wanted.transfer_no}).raise_for_status()
    assert asked(wechat, wanted.transfer_no) == Said("succeeded", first.gateway_no)


def test_whoever_does_not_confirm_within_a_day_is_not_paid(wechat: WechatPayouts, later: Later) -> None:
    wanted = payout()
    wechat.send(wanted)
    later(hours=24)
    said = asked(wechat, wanted.transfer_no)
    assert (said.status, said.code) == ("failed", "OVERDUE_CLOSE")
    assert is_hopeless(said.code)


@pytest.mark.parametrize(("fen", "named"), [(29, False), (30, True), (199_999, True), (200_000, True)])
def test_the_name_is_sealed_and_absent_where_it_must_be(sandbox: Sandbox, mode: str, fen: int, named: bool) -> None:
    payouts = WechatPayouts(sandbox.wechat(mode=mode), "https://share.example")
    wanted = payout(fen)
    assert payouts.send(wanted).code == CONFIRM
    told = received(sandbox, wanted.transfer_no)
    assert ("user_name" in told) == named
    assert "张三" not in json.dumps(told, ensure_ascii=False)
    assert told["transfer_scene_id"] == "1005"
    assert {item["info_type"] for item in told["transfer_scene_report_infos"]} == {"岗位类型", "报酬说明"}
    assert told["notify_url"] == f"https://share.example{NOTIFY_PATH}"


def test_the_notices_go_where_payments_hears_them() -> None:
    assert NOTIFY_PATH == HEARD_AT


@pytest.mark.parametrize(("fate", "end"), [("dealing", "succeeded"), ("fail_later", "failed")])
def test_what_is_under_way_is_open_until_it_is_decided(wechat: WechatPayouts, sandbox: Sandbox, fate: str, end: str) -> None:
    behave(sandbox, transfer=fate)
    wanted = payout()
    assert wechat.send(wanted).status == "open"
    assert asked(wechat, wanted.transfer_no).status == "open"
    assert asked(wechat, wanted.transfer_no).status == end


def test_a_failure_says_why(wechat: WechatPayouts, sandbox: Sandbox) -> None:
    behave(sandbox, transfer="fail")
    said = wechat.send(payout())
    assert (said.status, said.code) == ("failed", "NAME_NOT_CORRECT")


def test_a_lost_answer_is_open_and_the_same_number_tells_what_the_payee_needs(
    wechat: WechatPayouts, sandbox: Sandbox
) -> None:
    behave(sandbox, transfer="unknown")
    wanted = payout()
    assert wechat.send(wanted).status == "open"
    assert asked(wechat, wanted.transfer_no).confirm is None
    assert wechat.send(wanted).confirm


def test_a_call_that_never_arrived_is_unknown_to_it(wechat: WechatPayouts, sandbox: Sandbox) -> None:
    behave(sandbox, transfer="lost")
    wanted = payout()
    assert wechat.send(wanted).status == "open"
    assert wechat.ask(wanted.transfer_no) is None


def test_a_refusal_ends_the_number_only_when_the_request_itself_is_wrong(wechat: WechatPayouts, sandbox: Sandbox) -> None:
    behave(sandbox, transfer="poor")
    poor = wechat.send(payout())
    assert (poor.status, poor.code) == ("open", "NOTENOUGH")
    behave(sandbox, transfer="refused")
    refused = wechat.send(payout())
    assert (refused.status, refused.code) == ("failed", "PARAM_ERROR")
    assert is_hopeless(refused.code)


def test_a_refusal_of_a_number_that_was_taken_says_what_became_of_it(wechat: WechatPayouts) -> None:
    wanted = payout()
    wechat.send(wanted)
    other = Payout(wanted.transfer_no, Money(99), wanted.account, wanted.name, wanted.remark)
    assert wechat.send(other).status == "open"


def test_a_gateway_that_is_down_leaves_all_open(wechat: WechatPayouts, sandbox: Sandbox) -> None:
    behave(sandbox, gateway="error")
    wanted = payout()
    assert wechat.send(wanted).status == "open"
    assert asked(wechat, wanted.transfer_no).status == "open"


def test_a_notice_is_told_once_and_believed_by_its_signature(sandbox: Sandbox, merchant: Merchant) -> None:
    client = sandbox.wechat()
    payouts = WechatPayouts(client, merchant.url.removesuffix("/notify"))
    wanted = payout()
    payouts.send(wanted)
    sandbox.control("wechat", "confirm", {"out_bill_no": wanted.transfer_no}).raise_for_status()
    body = merchant.next()
    said = verify_notice(client.config, client.gateway.keys, merchant.headers[body], body, clock.now().timestamp())
    assert said.event_type == "MCHTRANSFER.BILL.FINISHED"
    assert isinstance(said.said, Transfer)
    assert (said.said.out_bill_no, said.said.state) == (wanted.transfer_no, TransferState.SUCCESS)


@pytest.fixture
def paying(counter: Desk, sandbox: Sandbox) -> Desk:
    """The desk with the simulators' credentials in its secret."""
    secret = sandbox.http.get("/wechat/credentials").text
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/wechat", SecretString=secret)
    counter.earned(CREATOR, 500_000)
    counter.at = clock.now()  # both sides of a WeChat call look at the time
    return counter


def test_the_end_of_a_payout_is_heard_and_asked_for(paying: Desk, sandbox: Sandbox) -> None:
    withdrawal_id = paying.ask(CREATOR, 50_000, Target("wechat", OPENID, "张三"))
    paying.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
    with paying.time():
        assert send_transfer.handler({"withdrawal_id": withdrawal_id}, None)["next"] == "poll"
    ((number, confirm),) = paying.sql("SELECT transfer_no, confirm FROM finance.withdrawal_transfers")
    assert json.loads(confirm)["package"]
    ended = TransferEnded(
        event_id=new_ulid(), occurred_at=paying.at, channel="wechat", transfer_no=number, told_at=paying.at
    )
    assert paying.deliver(on_transfer_ended.handler, ended) == []
    assert paying.status(withdrawal_id) == "processing"
    sandbox.control("wechat", "confirm", {"out_bill_no": number}).raise_for_status()
    for event_id in (new_ulid(), new_ulid()):
        assert paying.deliver(on_transfer_ended.handler, ended.model_copy(update={"event_id": event_id})) == []
    assert paying.status(withdrawal_id) == "paid"
    assert paying.balances(CREATOR)["withdrawn"] == 50_000
    unknown = ended.model_copy(update={"event_id": new_ulid(), "transfer_no": "T0"})
    assert paying.deliver(on_transfer_ended.handler, unknown) == []
    paying.books_hold()


class TestCards:
    """By Alipay, from what it holds for us."""

    @pytest.fixture
    def cards(self, sandbox: Sandbox) -> AlipayPayouts:
        return AlipayPayouts(sandbox.alipay(), to_card=True)

    def test_a_card_is_named_as_alipay_wants(self, cards: AlipayPayouts, sandbox: Sandbox) -> None:
        wanted = payout(account=CARD)
        first = cards.send(wanted)
        assert first.status == "succeeded"
        assert cards.ask(wanted.transfer_no) == first == cards.send(wanted)
        told = str(sandbox.requests(wanted.transfer_no))
        for word in ("TRANS_BANKCARD_NO_PWD", "BANKCARD_ACCOUNT", "招商银行"):
            assert word in told

    def test_the_query_names_the_product_too(self, cards: AlipayPayouts, sandbox: Sandbox) -> None:
        wanted = payout(account=CARD)
        cards.send(wanted)
        assert AlipayPayouts(sandbox.alipay()).ask(wanted.transfer_no) is None

    def test_what_a_bank_sends_back_is_returned(self, cards: AlipayPayouts, sandbox: Sandbox, later: Later) -> None:
        sandbox.behave(transfer="returned", delay_seconds=3600)
        wanted = payout(account=CARD)
        assert cards.send(wanted).status == "succeeded"
        later(hours=2)
        assert asked(cards, wanted.transfer_no).status == "returned"

    def test_a_call_that_never_arrived_is_unknown_to_it(self, cards: AlipayPayouts, sandbox: Sandbox) -> None:
        sandbox.behave(transfer="lost")
        wanted = payout(account=CARD)
        assert cards.send(wanted).status == "open"
        assert cards.ask(wanted.transfer_no) is None
        assert cards.send(wanted).status == "succeeded"


def test_what_only_a_person_can_send_stays_open_and_is_never_sent_again() -> None:
    payouts = ByHand()
    wanted = payout()
    assert payouts.send(wanted) == payouts.ask(wanted.transfer_no) == Said("open", code=BY_HAND)
