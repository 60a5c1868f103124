"""UnionPay behind the vocabulary of payments, where it is unlike the others: no close, refunds that are only accepted."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.base import Bill, Declined, Ended, Handover, NoAnswer, NotRepaid, Paid, Repaid
from functions.payments.gateways.unionpay import UnionpayGateway
from shared import aws
from shared.ids import made_at
from shared.settings import Settings
from shared.vendors.unionpay import UnionpayClient
from tests.fixtures.sandbox import Sandbox
from tests.payments.build import Crash
from tests.payments.test_gateways import bill, repayment

CROWD = 8


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


class MortalClient(UnionpayClient):
    """One in whose calls our process dies: `dies` is `before refund`, `after query`, …; it dies once."""

    dies = ""

    def refund(self, **told: Any) -> Any:
        return self._mortal("refund", lambda: super(MortalClient, self).refund(**told))

    def query(self, *told: Any) -> Any:
        return self._mortal("query", lambda: super(MortalClient, self).query(*told))

    def _mortal(self, verb: str, call: Any) -> Any:
        self._maybe_die(f"before {verb}")
        said = call()
        self._maybe_die(f"after {verb}")
        return said

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = ""
            raise Crash(moment)


def given_back(sandbox: Sandbox, of: Bill) -> int:
    """What UnionPay gave back of a payment."""
    items = sandbox.http.get("/_control/unionpay/trades").json()["items"]
    return int(next(one["refunded"] for one in items if one["order_id"] == of.payment_no))


@pytest.mark.parametrize("moment", ["before refund", "after refund", "before query", "after query"])
def test_dying_around_each_call_of_a_refund_moves_the_money_once(sandbox: Sandbox, paid: Bill, moment: str) -> None:
    client = MortalClient(sandbox.unionpay().config)
    told = client.query(paid.payment_no, made_at(paid.payment_no)).value
    back = replace(repayment(paid, 500), gateway_no=told.query_id)
    client.dies = moment
    gateway = UnionpayGateway(client, "http://127.0.0.1:9")
    with pytest.raises(Crash):
        gateway.refund(back)
    assert isinstance(gateway.refund(back), Repaid)
    assert given_back(sandbox, paid) == 500


def test_eight_refunds_under_one_number_at_once_move_the_money_once(sandbox: Sandbox, paid: Bill) -> None:
    barrier, back = Barrier(CROWD), repayment(paid, 500)

    def one(_: int) -> object:
        gateway = UnionpayGateway(sandbox.unionpay(), "http://127.0.0.1:9")
        barrier.wait()
        return gateway.refund(back)

    with ThreadPoolExecutor(CROWD) as pool:
        said = list(pool.map(one, range(CROWD)))
    assert all(isinstance(answer, Repaid) for answer in said), said
    assert given_back(sandbox, paid) == 500


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
