"""Payouts by Alipay, over real HTTP against its simulator."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from functions.finance import find_returned_payouts, poll_transfer, send_transfer
from functions.finance.gateways.alipay import AlipayPayouts
from functions.finance.gateways.base import Payout
from shared import aws, clock
from shared.ids import new_ulid
from shared.money import Money
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR
from tests.fixtures.sandbox import Sandbox


@pytest.fixture
def payouts(sandbox: Sandbox) -> AlipayPayouts:
    return AlipayPayouts(sandbox.alipay())


def payout(account: str = "creator@example.com", amount: int = 12_345) -> Payout:
    return Payout(new_ulid(), Money(amount), account, "张三", "withdrawal 7")


def test_money_is_sent_once_for_a_number(payouts: AlipayPayouts, sandbox: Sandbox) -> None:
    wanted = payout()
    first, again = payouts.send(wanted), payouts.send(wanted)
    assert first.status == again.status == "succeeded"
    assert first.gateway_no == again.gateway_no is not None
    assert payouts.ask(wanted.transfer_no) == first


@pytest.mark.parametrize(
    ("account", "kind"),
    [("2088123412341234", "ALIPAY_USER_ID"), ("13812345678", "ALIPAY_LOGON_ID"), ("a@b.cn", "ALIPAY_LOGON_ID")],
)
def test_the_payee_is_named_as_alipay_wants(payouts: AlipayPayouts, sandbox: Sandbox, account: str, kind: str) -> None:
    wanted = payout(account)
    assert payouts.send(wanted).status == "succeeded"
    assert kind in str(sandbox.requests(wanted.transfer_no))


def test_a_number_never_sent_is_unknown_to_it(payouts: AlipayPayouts) -> None:
    assert payouts.ask(new_ulid()) is None


def test_a_refusal_is_a_failure_with_its_code(payouts: AlipayPayouts, sandbox: Sandbox) -> None:
    sandbox.behave(transfer="fail")
    said = payouts.send(payout())
    assert (said.status, said.code) == ("failed", "PAYEE_NOT_EXIST")


def test_a_refusal_before_anything_was_kept_is_a_failure_too(payouts: AlipayPayouts) -> None:
    said = payouts.send(payout(amount=1))
    assert (said.status, said.code) == ("failed", "EXCEED_LIMIT_SM_MIN_AMOUNT")


def test_a_refusal_of_a_number_that_was_paid_says_that_it_was(payouts: AlipayPayouts) -> None:
    wanted = payout()
    payouts.send(wanted)
    other = Payout(wanted.transfer_no, Money(99), wanted.account, wanted.name, wanted.remark)
    assert payouts.send(other).status == "succeeded"


def test_an_unclear_answer_is_open_and_the_query_tells(payouts: AlipayPayouts, sandbox: Sandbox) -> None:
    sandbox.behave(transfer="unknown")
    wanted = payout()
    assert payouts.send(wanted).status == "open"
    said = payouts.ask(wanted.transfer_no)
    assert said is not None
    assert said.status == "succeeded"


def test_a_gateway_that_is_down_leaves_all_open(payouts: AlipayPayouts, sandbox: Sandbox) -> None:
    sandbox.behave(gateway="error")
    wanted = payout()
    assert payouts.send(wanted).status == "open"
    said = payouts.ask(wanted.transfer_no)
    assert said is not None
    assert said.status == "open"


@pytest.mark.parametrize(("fate", "end"), [("dealing", "succeeded"), ("fail_later", "failed")])
def test_what_takes_time_is_open_until_it_is_decided(payouts: AlipayPayouts, sandbox: Sandbox, fate: str, end: str) -> None:
    sandbox.behave(transfer=fate)
    wanted = payout()
    assert payouts.send(wanted).status == "open"
    seen = [said.status for _ in range(3) if (said := payouts.ask(wanted.transfer_no))]
    assert seen[-1] == end
    assert set(seen[:-1]) <= {"open", end}


@pytest.fixture
def paying(counter: Desk, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk with the simulators' credentials in its secret."""
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/alipay", SecretString=sandbox.secret())
    counter.earned(CREATOR, 500_000)
    return counter


def run(desk: Desk, handler: Callable[..., dict[str, object]], withdrawal_id: int) -> object:
    with desk.time():
        return handler({"withdrawal_id": withdrawal_id}, None)["next"]


def test_the_handlers_pay_by_the_secret_and_the_stored_account(paying: Desk, sandbox: Sandbox) -> None:
    withdrawal_id = paying.ask(CREATOR, 50_000)
    paying.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
    sandbox.behave(transfer="dealing")
    assert run(paying, send_transfer.handler, withdrawal_id) == "poll"
    assert run(paying, poll_transfer.handler, withdrawal_id) == "poll"
    assert run(paying, poll_transfer.handler, withdrawal_id) == "finish"
    paying.task("finish_withdrawal", {"withdrawal_id": withdrawal_id})
    ((number,),) = paying.sql("SELECT transfer_no FROM finance.withdrawal_transfers")
    sent = str(sandbox.requests(number))
    assert "creator@example.com" in sent
    assert "500.00" in sent
    paying.books_hold()


def test_a_payout_that_comes_back_is_found_by_the_schedule(paying: Desk, sandbox: Sandbox) -> None:
    sandbox.behave(transfer="returned", delay_seconds=0)
    withdrawal_id = paying.ask(CREATOR, 50_000)
    paying.task("assess_withdrawal", {"withdrawal_id": withdrawal_id})
    assert run(paying, send_transfer.handler, withdrawal_id) in {"poll", "finish"}
    while paying.status(withdrawal_id) == "processing":
        run(paying, poll_transfer.handler, withdrawal_id)
        paying.task("finish_withdrawal", {"withdrawal_id": withdrawal_id})
    paying.pass_time(hours=13)
    with clock.frozen(paying.at + timedelta(0)), paying.acting():
        find_returned_payouts.handler({}, None)
    assert paying.status(withdrawal_id) == "failed"
    assert paying.balances(CREATOR) == {"pending": 0, "available": 795_200, "frozen": 0, "withdrawn": 0}
    paying.books_hold()
