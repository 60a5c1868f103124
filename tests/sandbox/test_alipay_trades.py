"""Orders, payments and refunds: the product's client against the simulator, over real HTTP."""

from datetime import datetime, timedelta

import httpx
import pytest

from shared import clock
from shared.money import Money
from shared.vendors.alipay_results import (
    Closed,
    Done,
    Refund,
    RefundState,
    Refused,
    TradeStatus,
)
from tests.sandbox.build import order, paid, trade


def test_a_trade_does_not_exist_until_the_buyer_scans(sandbox):
    client, sent = sandbox.alipay(), order()
    client.precreate(sent)

    assert client.query(sent.out_trade_no) == Done(None)
    assert client.close(sent.out_trade_no) == Done(Closed(existed=False))
    sandbox.scan(sent.out_trade_no)
    assert trade(client.query(sent.out_trade_no)).status is TradeStatus.WAITING


def test_the_cashier_page_shows_a_pay_button_that_pays(sandbox):
    client, sent = sandbox.alipay(), order()
    with httpx.Client(base_url=sandbox.url, follow_redirects=True) as browser:
        page = browser.get(client.page_pay_url(sent, return_url="https://shop.example/back?x=1"))
        action = page.text.split('method="post" action="')[1].split('"')[0]
        after = browser.post(action)

    assert page.status_code == 200
    assert "确认付款 Pay ¥12.30" in page.text
    assert "支付成功" in after.text
    assert "https://shop.example/back?x=1&amp;" in after.text
    assert trade(client.query(sent.out_trade_no)).status is TradeStatus.PAID


def test_a_qr_code_opens_the_same_page(sandbox):
    client, sent = sandbox.alipay(), order()
    code = client.precreate(sent)

    assert isinstance(code, Done)
    assert "确认付款 Pay ¥12.30" in httpx.get(code.value).text
    assert httpx.get(f"{sandbox.url}/alipay/qr/nothing").status_code == 404


def test_paying_by_our_order_number_pays_the_latest_payment_of_it(sandbox):
    client, first = sandbox.alipay(), order()
    second = order(passback=first.passback)
    client.precreate(first)
    client.precreate(second)

    assert sandbox.pay(first.passback)["out_trade_no"] == second.out_trade_no
    assert sandbox.pay(first.passback)["out_trade_no"] == first.out_trade_no


def test_a_paid_trade_tells_when_and_how_much(sandbox):
    client = sandbox.alipay()
    seen = trade(client.query(paid(sandbox, client).out_trade_no))

    assert (seen.status, seen.total) == (TradeStatus.PAID, Money(1230, "CNY"))
    assert isinstance(seen.paid_at, datetime)
    assert abs(clock.now() - seen.paid_at) < timedelta(minutes=1)


def test_the_buyer_may_pay_another_amount_when_told_to(sandbox):
    client, sent = sandbox.alipay(), order()
    client.precreate(sent)
    sandbox.pay(sent.out_trade_no, 1)

    assert trade(client.query(sent.out_trade_no)).total == Money(1, "CNY")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "5", True, 10**12])
def test_an_amount_that_is_not_whole_fen_cannot_be_paid(sandbox, amount):
    sent = order()
    sandbox.alipay().precreate(sent)

    assert sandbox.control("alipay", "pay", {"order_no": sent.out_trade_no, "amount": amount}).status_code == 400


def test_an_order_is_paid_once_and_unknown_ones_never(sandbox):
    sent = paid(sandbox, sandbox.alipay())

    again = sandbox.control("alipay", "pay", {"order_no": sent.out_trade_no})
    assert (again.status_code, again.json()["error"]) == (409, "ACQ.TRADE_HAS_SUCCESS")
    assert sandbox.control("alipay", "pay", {"order_no": "nothing"}).status_code == 404


def test_closing_stops_a_waiting_trade_and_refuses_a_paid_one(sandbox):
    client, sent = sandbox.alipay(), order()
    client.precreate(sent)
    sandbox.scan(sent.out_trade_no)

    assert client.close(sent.out_trade_no) == Done(Closed(existed=True))
    assert client.close(sent.out_trade_no) == Done(Closed(existed=True))
    assert trade(client.query(sent.out_trade_no)).status is TradeStatus.CLOSED
    assert sandbox.control("alipay", "pay", {"order_no": sent.out_trade_no}).json()["error"] == "ACQ.TRADE_HAS_CLOSE"
    refused = client.close(paid(sandbox, client).out_trade_no)
    assert isinstance(refused, Refused)
    assert refused.sub_code == "ACQ.TRADE_STATUS_ERROR"


def test_a_payment_can_arrive_after_the_order_was_closed(sandbox):
    client, sent = sandbox.alipay(), order()
    client.precreate(sent)
    sandbox.scan(sent.out_trade_no)
    client.close(sent.out_trade_no)

    sandbox.pay(sent.out_trade_no, late=True)

    assert trade(client.query(sent.out_trade_no)).status is TradeStatus.PAID


def test_time_runs_out(sandbox, movable_clock):
    client, scanned, never = sandbox.alipay(), order(), order()
    client.precreate(scanned)
    client.precreate(never)
    sandbox.scan(scanned.out_trade_no)
    movable_clock(minutes=31)

    assert trade(client.query(scanned.out_trade_no)).status is TradeStatus.CLOSED
    assert client.query(never.out_trade_no) == Done(None)
    assert sandbox.control("alipay", "pay", {"order_no": never.out_trade_no}).status_code == 409


def test_the_same_order_again_is_the_same_and_another_under_its_number_is_refused(sandbox):
    client, sent = sandbox.alipay(), order()
    first = client.precreate(sent)
    sandbox.scan(sent.out_trade_no)
    assert client.precreate(sent) == first

    other = client.precreate(order(1, out_trade_no=sent.out_trade_no))
    assert isinstance(other, Refused)
    assert other.sub_code == "ACQ.CONTEXT_INCONSISTENT"
    sandbox.pay(sent.out_trade_no)
    after = client.precreate(sent)
    assert isinstance(after, Refused)
    assert after.sub_code == "ACQ.TRADE_HAS_SUCCESS"


def test_a_refund_moves_money_once_per_number(sandbox):
    client = sandbox.alipay()
    number = paid(sandbox, client).out_trade_no

    def refund(request_no: str, amount: int):
        return client.refund(out_trade_no=number, out_request_no=request_no, amount=Money(amount), reason="退款")

    first = refund("R1", 230)
    assert isinstance(first, Done)
    assert isinstance(first.value, Refund)
    assert (first.value.moved_now, first.value.refunded_total) == (True, Money(230, "CNY"))
    again = refund("R1", 230)
    assert isinstance(again, Done)
    assert (again.value.moved_now, again.value.refunded_total) == (False, Money(230, "CNY"))
    assert refund("R1", 231).sub_code == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert refund("R2", 1001).sub_code == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert trade(client.query(number)).status is TradeStatus.PAID
    assert refund("R3", 1000).value.refunded_total == Money(1230, "CNY")
    assert trade(client.query(number)).status is TradeStatus.CLOSED
    assert refund("R4", 1).sub_code == "ACQ.TRADE_STATUS_ERROR"


def test_a_refund_can_be_asked_about(sandbox):
    client = sandbox.alipay()
    number = paid(sandbox, client).out_trade_no
    client.refund(out_trade_no=number, out_request_no="R1", amount=Money(230), reason="退款")

    known = client.refund_query(out_trade_no=number, out_request_no="R1")

    assert isinstance(known, Done)
    assert isinstance(known.value, RefundState)
    assert (known.value.amount, known.value.out_request_no) == (Money(230, "CNY"), "R1")
    assert known.value.refunded_at is not None
    assert client.refund_query(out_trade_no=number, out_request_no="R2") == Done(None)


def test_an_unpaid_trade_cannot_be_refunded(sandbox):
    client, sent = sandbox.alipay(), order()
    client.precreate(sent)
    refund = {"out_trade_no": sent.out_trade_no, "out_request_no": "R1", "amount": Money(1), "reason": "x"}

    assert client.refund(**refund).sub_code == "ACQ.TRADE_NOT_EXIST"
    sandbox.scan(sent.out_trade_no)
    assert client.refund(**refund).sub_code == "ACQ.TRADE_STATUS_ERROR"
