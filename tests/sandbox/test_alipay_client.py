"""The product's client against the simulator, over real HTTP: every call, every way it can come out."""

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from infra.local.sandbox.settings import SandboxSettings
from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay import AlipayClient, Order, Payee
from shared.vendors.alipay_bill import BillKind
from shared.vendors.alipay_results import (
    Closed,
    Done,
    Refund,
    RefundState,
    Refused,
    Trade,
    TradeStatus,
    Transfer,
    TransferStatus,
    Unknown,
)
from tests.fixtures.sandbox import Sandbox, serving

PAYEE = Payee("creator@example.com", "ALIPAY_LOGON_ID", "王小明")


def order(amount: int = 1230, *, out_trade_no: str = "", passback: str = "") -> Order:
    """An order nobody else has, unless it is given another's numbers."""
    number = out_trade_no or new_order_no()
    return Order(
        out_trade_no=number,
        amount=Money(amount, "CNY"),
        subject="会员/一月 = A&B",
        notify_url="",
        expires_at=clock.now() + timedelta(minutes=30),
        passback=passback or f"ORDER{number}",
    )


def paid(sandbox: Sandbox, client: AlipayClient, amount: int = 1230) -> Order:
    """An order that was paid."""
    sent = order(amount)
    assert isinstance(client.precreate(sent), Done)
    sandbox.pay(sent.out_trade_no)
    return sent


def trade(outcome: object) -> Trade:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.value, Trade)
    return outcome.value


def transfer(client: AlipayClient, number: str, amount: int = 5000):
    return client.transfer(out_biz_no=number, amount=Money(amount), title="提现", payee=PAYEE, remark="提现")


def state(outcome: object) -> TransferStatus:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.value, Transfer)
    return outcome.value.status


@pytest.fixture
def movable_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The laptop's clock, moved as `make run` moves it."""
    file = tmp_path / "clock.json"
    monkeypatch.setenv("CLOCK_FILE", str(file))

    def advance(**span: float) -> None:
        file.write_text(f'{{"offset_seconds": {timedelta(**span).total_seconds()}}}')

    return advance


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


def until_noon() -> timedelta:
    """How far the next noon in Beijing is, so that no test trades across a midnight."""
    now = clock.now().astimezone(clock.SHANGHAI)
    return now.replace(hour=12, minute=0, second=0) + timedelta(days=1) - now


def test_a_past_day_has_a_bill_of_its_payments_and_refunds(sandbox, movable_clock):
    client, noon = sandbox.alipay(), until_noon()
    movable_clock(seconds=noon.total_seconds())
    today = clock.now().astimezone(clock.SHANGHAI).date()
    first, second = paid(sandbox, client, 10_000), paid(sandbox, client, 1)
    client.refund(out_trade_no=first.out_trade_no, out_request_no="R1", amount=Money(3_000), reason="x")

    early = client.bill(today)
    assert isinstance(early, Refused)
    movable_clock(days=2, seconds=noon.total_seconds())
    bill = client.bill(today)

    assert isinstance(bill, Done)
    rows = [(row.out_trade_no, row.kind, row.amount.minor, row.fee.minor, row.out_request_no) for row in bill.value]
    assert rows == [
        (first.out_trade_no, BillKind.PAYMENT, 10_000, -60, None),
        (second.out_trade_no, BillKind.PAYMENT, 1, 0, None),
        (first.out_trade_no, BillKind.REFUND, -3_000, 18, "R1"),
    ]
    assert bill.value[0].subject == "会员 一月   A B"
    assert client.bill(today + timedelta(days=1)) == Done([]), "a day without trade is an empty day"


def test_a_missing_bill_is_not_an_empty_day_before_bills_are_due(sandbox):
    morning = clock.now().astimezone(clock.SHANGHAI).replace(hour=8, minute=0)
    client = sandbox.alipay()

    with clock.frozen(morning):
        assert client.bill(morning.date() - timedelta(days=1)) == Unknown("the bill is not ready yet")


def test_a_bill_link_lives_for_half_a_minute(sandbox, movable_clock):
    client, noon = sandbox.alipay(), until_noon()
    movable_clock(seconds=noon.total_seconds())
    today = clock.now().astimezone(clock.SHANGHAI).date()
    paid(sandbox, client)
    movable_clock(days=2, seconds=noon.total_seconds())
    link = client.bill_download_url(today)

    assert isinstance(link, Done)
    assert isinstance(link.value, str)
    assert httpx.get(link.value).status_code == 200
    movable_clock(days=2, seconds=noon.total_seconds() + 31)
    assert httpx.get(link.value).status_code == 404


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
