"""A gateway that fails, lies, is slow, remembers and tells: the client against the simulator."""

from urllib.parse import parse_qsl

import httpx
import pytest

from infra.local.sandbox.settings import SandboxSettings
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay_results import (
    Done,
    Refund,
    TradeStatus,
    TransferStatus,
    Unknown,
)
from tests.fixtures.sandbox import Sandbox, serving
from tests.sandbox.build import order, paid, state, trade, transfer


def test_refund_switches_fail_it_or_leave_it_open_first(sandbox):
    client = sandbox.alipay()
    failing, open_first = paid(sandbox, client), paid(sandbox, client)
    sandbox.behave(refund="fail", order_no=failing.out_trade_no)
    sandbox.behave(refund="unknown_then_success", order_no=open_first.passback)

    def refund(number: str):
        return client.refund(out_trade_no=number, out_request_no="R1", amount=Money(1), reason="x")

    assert refund(failing.out_trade_no).sub_code == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert refund(open_first.out_trade_no) == Unknown("40004 ACQ.SYSTEM_ERROR")
    assert client.refund_query(out_trade_no=open_first.out_trade_no, out_request_no="R1") == Done(None)
    assert refund(open_first.out_trade_no).value.moved_now


def test_a_gateway_that_is_down_does_nothing_and_comes_back(sandbox):
    client, number = sandbox.alipay(), new_order_no()
    sandbox.behave(gateway="down")
    assert transfer(client, number) == Unknown("HTTP 503")
    assert httpx.get(client.page_pay_url(order(), return_url="https://shop.example/")).status_code == 503
    sandbox.behave(gateway="error")
    assert transfer(client, number) == Unknown("20000 isp.unknow-error")
    sandbox.behave(gateway="up")
    assert client.transfer_query(number) == Done(None)


@pytest.mark.parametrize("how", ["unknown_once", "wrong_signature"])
def test_work_can_be_done_though_the_answer_is_lost(sandbox, how):
    client = sandbox.alipay()
    number = paid(sandbox, client).out_trade_no
    sandbox.behave(gateway=how, order_no=number)
    refund = {"out_trade_no": number, "out_request_no": "R1", "amount": Money(230), "reason": "x"}

    assert isinstance(client.refund(**refund), Unknown)
    sandbox.behave(reset=True)
    known = client.refund_query(out_trade_no=number, out_request_no="R1")
    assert isinstance(known, Done)
    assert known.value is not None
    assert client.refund(**refund).value.moved_now is False


def test_an_answer_lost_once_is_lost_once_only(sandbox):
    client = sandbox.alipay()
    sandbox.behave(gateway="unknown_once")

    assert client.query("nothing") == Done(None), "a question changes nothing, so nothing is lost"
    assert isinstance(client.precreate(order()), Unknown)
    assert isinstance(client.precreate(order()), Done)


def test_a_slow_gateway_runs_into_the_callers_patience(sandbox):
    number = new_order_no()
    sandbox.behave(gateway="slow", delay_seconds=1)

    assert transfer(sandbox.alipay(timeout_seconds=0.2), number) == Unknown("ReadTimeout")
    sandbox.behave(reset=True)
    assert state(sandbox.alipay().transfer_query(number)) is TransferStatus.SUCCEEDED


def test_a_switch_for_one_order_leaves_the_others_alone(sandbox):
    sandbox.behave(gateway="down", order_no="W1")
    client, other = sandbox.alipay(), new_order_no()

    assert transfer(client, "W1") == Unknown("HTTP 503")
    assert state(transfer(client, other)) is TransferStatus.SUCCEEDED


def test_the_gateway_refuses_what_the_app_did_not_sign(sandbox):
    address = sandbox.alipay().page_pay_url(order(), return_url="https://shop.example/")
    params = dict(parse_qsl(address.partition("?")[2]))

    for name, value in params.items():
        changed = params | {name: value + "0"}
        said = httpx.post(f"{sandbox.url}/alipay/gateway.do", data=changed).json()["error_response"]
        assert said["code"] == "40002", (name, said)
        dropped = {k: v for k, v in params.items() if k != name}
        assert "error_response" in httpx.post(f"{sandbox.url}/alipay/gateway.do", data=dropped).json()
    twice = httpx.post(address + "&method=x").json()
    assert twice["error_response"]["sub_code"] == "isv.invalid-parameter"


def test_what_was_received_and_sent_can_be_read_without_signatures(sandbox):
    client = sandbox.alipay()
    sent = paid(sandbox, client)
    client.query(sent.out_trade_no)

    items = sandbox.requests(sent.passback)

    assert [item["what"] for item in items] == ["alipay.trade.query", "alipay.trade.precreate"]
    assert items[0]["response"]["trade_status"] == "TRADE_SUCCESS"
    assert len(items[0]["request"]["sign"]) < 16


def test_an_unknown_switch_is_refused_and_changes_nothing(sandbox):
    sandbox.behave(gateway="down")

    assert sandbox.control("alipay", "behaviour", {"notify": "sometimes"}).status_code == 400
    assert sandbox.control("alipay", "behaviour", {"nonsense": 1}).status_code == 400
    assert sandbox.http.post("/_control/alipay/behaviour", content="[").status_code == 400
    assert sandbox.http.get("/_control/alipay/behaviour").json()["default"]["gateway"] == "down"


def test_trades_transfers_and_keys_survive_a_restart(tmp_path):
    settings = SandboxSettings(state=tmp_path)
    sent, number = order(), new_order_no()
    with serving(settings) as url, httpx.Client(base_url=url) as http:
        sandbox = Sandbox(url, http)
        client, secret = sandbox.alipay(), sandbox.secret().replace(url, "")
        client.precreate(sent)
        sandbox.pay(sent.out_trade_no)
        client.refund(out_trade_no=sent.out_trade_no, out_request_no="R1", amount=Money(1), reason="x")
        transfer(client, number)

    with serving(settings) as url, httpx.Client(base_url=url) as http:
        sandbox = Sandbox(url, http)
        client = sandbox.alipay()
        assert sandbox.secret().replace(url, "") == secret
        assert trade(client.query(sent.out_trade_no)).status is TradeStatus.PAID
        assert client.refund(out_trade_no=sent.out_trade_no, out_request_no="R1", amount=Money(1), reason="x") == Done(
            Refund(trade(client.query(sent.out_trade_no)).trade_no, sent.out_trade_no, False, Money(1, "CNY"))
        )
        assert state(client.transfer_query(number)) is TransferStatus.SUCCEEDED
