"""UnionPay behind the vocabulary of payments, where it is unlike the others: no close, refunds that are only accepted."""

from dataclasses import replace

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.base import Bill, Declined, Ended, Handover, NoAnswer, NotRepaid, Paid, Repaid
from functions.payments.gateways.unionpay import UnionpayGateway
from shared import aws
from shared.settings import Settings
from tests.fixtures.sandbox import Sandbox
from tests.payments.test_gateways import bill, repayment


@pytest.fixture
def gateway(sandbox: Sandbox) -> UnionpayGateway:
    return UnionpayGateway(sandbox.unionpay(), "http://127.0.0.1:9")


@pytest.fixture
def asked(gateway: UnionpayGateway) -> Bill:
    """A payment UnionPay knows of."""
    made = bill(scene="app")
    assert isinstance(gateway.create(made), Handover)
    return made


@pytest.fixture
def paid(sandbox: Sandbox, asked: Bill) -> Bill:
    """The same, paid."""
    sandbox.pay(asked.payment_no, vendor="unionpay")
    return asked


def test_where_nothing_can_be_closed_the_vendor_is_to_be_asked_once_more(
    gateway: UnionpayGateway, asked: Bill, sandbox: Sandbox
) -> None:
    for _ in range(2):
        assert gateway.close(asked.payment_no) == Ended("05", seen=False)
    sandbox.pay(asked.payment_no, vendor="unionpay")
    assert isinstance(gateway.close(asked.payment_no), Declined)


def test_a_refund_unionpay_left_unknown_is_asked_about(gateway: UnionpayGateway, paid: Bill, sandbox: Sandbox) -> None:
    told = gateway.query(paid.payment_no)
    assert isinstance(told, Paid)
    back = replace(repayment(paid), gateway_no=told.gateway_no)
    sandbox.behave(vendor="unionpay", refund="unknown_then_success")
    assert isinstance(gateway.refund(back), NoAnswer)
    assert isinstance(gateway.refund_query(back), Repaid)
    assert isinstance(gateway.refund(back), Repaid), "the number was used: the query tells, it is no refusal"


def test_a_refund_unionpay_failed_later_is_declined_however_often_it_is_tried(
    gateway: UnionpayGateway, paid: Bill, sandbox: Sandbox
) -> None:
    sandbox.behave(vendor="unionpay", refund="failed_later")
    back = repayment(paid, 500)
    for _ in range(2):
        assert gateway.refund(back) == Declined("60")
        assert gateway.refund_query(back) == NotRepaid()
    sandbox.behave(vendor="unionpay", reset=True)
    assert isinstance(gateway.refund(repayment(paid)), Repaid), "all of it is still there"


def test_unionpay_is_made_of_the_secret_and_notifies_our_own_address(
    sandbox: Sandbox, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = sandbox.secret("unionpay")
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/unionpay", SecretString=secret)
    monkeypatch.setenv("PUBLIC_URL", "https://share.example")
    Settings.forget()
    registry.use(None)
    asked = bill(scene="app")
    assert isinstance(registry.gateway("unionpay").create(asked), Handover)
    (seen,) = sandbox.requests(asked.payment_no, vendor="unionpay")
    assert seen["request"]["backUrl"] == "https://share.example/api/v1/payments/unionpay/callback"
    registry.use(None)
