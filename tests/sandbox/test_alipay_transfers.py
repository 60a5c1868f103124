"""Transfers: the product's client against the simulator, over real HTTP."""

import pytest

from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay import Payee
from shared.vendors.alipay_results import (
    Done,
    Refused,
    TransferStatus,
    Unknown,
)
from tests.sandbox.build import PAYEE, state, transfer


def test_a_transfer_succeeds_once_per_number(sandbox):
    client, number = sandbox.alipay(), new_order_no()
    first = transfer(client, number)

    assert state(first) is TransferStatus.SUCCEEDED
    assert transfer(client, number) == first
    assert client.transfer_query(number) == first
    assert transfer(client, number, 5001).sub_code == "PAYMENT_INFO_INCONSISTENCY"
    assert client.transfer_query(new_order_no()) == Done(None)


def test_transfer_rules_are_the_vendors(sandbox):
    client = sandbox.alipay()
    nobody = Payee("creator@example.com", "ALIPAY_LOGON_ID", "")

    def send(amount: int, payee: Payee = PAYEE, remark: str = ""):
        outcome = client.transfer(out_biz_no=new_order_no(), amount=Money(amount), title="t", payee=payee, remark=remark)
        return outcome.sub_code if isinstance(outcome, Refused) else outcome

    assert send(9) == "EXCEED_LIMIT_SM_MIN_AMOUNT"
    assert send(5_000_000) == "MEMO_REQUIRED_IN_TRANSFER_ERROR"
    assert send(10, nobody) == "PAYEE_USER_INFO_ERROR"
    assert state(send(5_000_000, remark="r")) is TransferStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("told", "first", "later"),
    [
        ("dealing", TransferStatus.DEALING, TransferStatus.SUCCEEDED),
        ("fail_later", TransferStatus.DEALING, TransferStatus.FAILED),
        ("returned", TransferStatus.DEALING, TransferStatus.RETURNED),
    ],
)
def test_a_transfer_under_way_is_decided_by_the_second_query(sandbox, told, first, later):
    sandbox.behave(transfer=told)
    client, number = sandbox.alipay(), new_order_no()

    assert state(transfer(client, number)) is first
    assert state(client.transfer_query(number)) is first
    assert state(client.transfer_query(number)) is later


def test_a_transfer_can_come_back_after_it_was_done(sandbox, movable_clock):
    sandbox.behave(transfer="returned", delay_seconds=3600)
    client, number = sandbox.alipay(), new_order_no()

    assert state(transfer(client, number)) is TransferStatus.SUCCEEDED
    movable_clock(minutes=61)
    assert state(client.transfer_query(number)) is TransferStatus.RETURNED


def test_a_failed_transfer_says_so_and_may_be_sent_again(sandbox):
    sandbox.behave(transfer="fail")
    client, number = sandbox.alipay(), new_order_no()

    assert transfer(client, number).sub_code == "PAYEE_NOT_EXIST"
    assert state(client.transfer_query(number)) is TransferStatus.FAILED
    sandbox.behave(transfer="success")
    assert state(transfer(client, number)) is TransferStatus.SUCCEEDED


def test_an_unknown_transfer_was_sent_all_the_same(sandbox):
    sandbox.behave(transfer="unknown")
    client, number = sandbox.alipay(), new_order_no()

    assert transfer(client, number) == Unknown("40004 SYSTEM_ERROR")
    assert state(client.transfer_query(number)) is TransferStatus.SUCCEEDED
    assert state(transfer(client, number)) is TransferStatus.SUCCEEDED
