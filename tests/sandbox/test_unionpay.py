"""UnionPay's simulator and the product's client: an order's whole way, bad days, the page, the file."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.sandbox.settings import SandboxSettings
from shared import clock
from shared.ids import made_at, new_order_no
from shared.money import Money
from shared.vendors.outcome import Declined, Done, Unknown
from shared.vendors.unionpay import Order, UnionpayClient
from shared.vendors.unionpay_results import Trade, TradeState
from tests.fixtures.sandbox import Merchant, Sandbox, serving

API = "/unionpay/gateway/api"


def order(**fields: Any) -> Order:
    number = new_order_no()
    usual: dict[str, Any] = {
        "order_id": number,
        "txn_time": made_at(number),
        "amount": Money(1999),
        "back_url": "http://127.0.0.1:9/notify",
        "front_url": "https://shop.example/?a=1&b=2",
        "pay_until": clock.now() + timedelta(minutes=30),
        "reserved": "ORDER1",
    }
    return Order(**(usual | fields))


def known(client: UnionpayClient, asked: Order) -> Trade:
    said = client.query(asked.order_id, asked.txn_time)
    assert isinstance(said, Done)
    assert said.value is not None
    return said.value


def paid(sandbox: Sandbox, client: UnionpayClient, **fields: Any) -> tuple[Order, Trade]:
    asked = order(**fields)
    assert isinstance(client.app(asked), Done)
    sandbox.pay(asked.order_id, vendor="unionpay")
    return asked, known(client, asked)


def refund(client: UnionpayClient, of: Trade, amount: int, number: str | None = None) -> Done[str] | Declined | Unknown:
    refund_no = number or new_order_no()
    return client.refund(
        order_id=refund_no, txn_time=made_at(refund_no), amount=Money(amount), query_id=of.query_id,
        back_url="http://127.0.0.1:9/notify", reserved=of.order_id,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["pkcs12", "pem"])
def test_an_order_goes_its_whole_way(sandbox: Sandbox, form: str) -> None:
    client, asked = sandbox.unionpay(form=form), order()
    assert client.query(asked.order_id, asked.txn_time) == Done(None)
    told = client.app(asked)
    assert isinstance(told, Done)
    assert told == client.app(asked)
    assert known(client, asked).state is TradeState.OPEN
    sandbox.pay(asked.order_id, vendor="unionpay")
    found = known(client, asked)
    assert (found.state, found.amount, found.reserved) == (TradeState.DONE, Money(1999), "ORDER1")
    assert found.done_at is not None
    assert client.query(asked.order_id, asked.txn_time + timedelta(seconds=1)) == Done(None), "another second, another one"
    assert isinstance(client.app(asked), Declined), "it is paid"


def test_the_page_is_paid_on_and_leads_back(sandbox: Sandbox) -> None:
    client, asked = sandbox.unionpay(), order()
    brought = sandbox.http.post(client.front_url, data=client.page(asked, "pc"), follow_redirects=True)
    assert "确认付款" in brought.text
    after = sandbox.http.post(brought.url, follow_redirects=True)
    assert "支付成功" in after.text
    assert 'href="https://shop.example/?a=1&amp;b=2"' in after.text
    assert known(client, asked).state is TradeState.DONE
    assert sandbox.http.post(brought.url).status_code == 400, "paid once"


def test_a_form_that_was_changed_on_the_way_is_refused(sandbox: Sandbox) -> None:
    client, asked = sandbox.unionpay(), order()
    for change in ({"txnAmt": "1"}, {"signature": "AAAA"}, {"merId": "777290058110001"}):
        assert sandbox.http.post(client.front_url, data=client.page(asked, "pc") | change).status_code == 400
    assert client.query(asked.order_id, asked.txn_time) == Done(None)


def test_nobody_pays_after_the_time_to_pay(sandbox: Sandbox) -> None:
    client = sandbox.unionpay()
    assert isinstance(client.app(order(pay_until=clock.now() - timedelta(seconds=1))), Declined)


def test_a_declined_card_is_a_failed_payment(sandbox: Sandbox) -> None:
    client, asked = sandbox.unionpay(), order()
    client.app(asked)
    sandbox.control("unionpay", "pay", {"order_no": asked.order_id, "declined": "51"}).raise_for_status()
    found = known(client, asked)
    assert (found.state, found.code) == (TradeState.FAILED, "51")
    assert sandbox.control("unionpay", "pay", {"order_no": asked.order_id}).status_code == 409


@pytest.mark.parametrize("switch", ["down", "error", "wrong_signature", "wrong_chain", "unsigned", "unknown_once"])
def test_what_is_not_proved_is_unknown(sandbox: Sandbox, switch: str) -> None:
    client, asked = sandbox.unionpay(), order()
    sandbox.behave(vendor="unionpay", gateway=switch)
    assert isinstance(client.app(asked), Unknown)
    sandbox.behave(vendor="unionpay", gateway=switch)
    assert isinstance(client.query(asked.order_id, asked.txn_time), Unknown)


def test_a_slow_vendor_is_not_waited_for(sandbox: Sandbox) -> None:
    sandbox.behave(vendor="unionpay", gateway="slow", delay_seconds=1)
    said = sandbox.unionpay(timeout_seconds=0.2).app(order())
    assert isinstance(said, Unknown)
    assert "Timeout" in said.reason


def test_the_answer_to_another_question_is_none(merchant: Merchant, sandbox: Sandbox) -> None:
    client, mine, other = sandbox.unionpay(), order(), order()
    client.app(mine)
    client.app(other)
    sandbox.pay(other.order_id, vendor="unionpay")
    question = client.gateway.signed(
        {"txnType": "00", "txnSubType": "00", "bizType": "000000", "orderId": other.order_id,
         "txnTime": f"{other.txn_time.astimezone(clock.SHANGHAI):%Y%m%d%H%M%S}"}
    )  # fmt: skip
    recorded = sandbox.http.post(f"{API}/queryTrans.do", data=question).content
    merchant.answers.append((200, recorded))
    said = client.gateway.call(
        merchant.url, question | {"orderId": mine.order_id}, lambda told: Trade.read(told, told["origRespCode"])
    )
    assert said == Unknown("the answer to another question")


def test_money_goes_back_once_per_number_and_never_more_than_was_paid(sandbox: Sandbox) -> None:
    client = sandbox.unionpay()
    _, found = paid(sandbox, client)
    number = new_order_no()
    assert isinstance(refund(client, found, 500, number), Done)
    again = refund(client, found, 500, number)
    assert isinstance(again, Declined)
    assert again.code == "12"
    assert isinstance(refund(client, found, 1500), Declined)
    assert isinstance(refund(client, found, 1499), Done)
    assert isinstance(refund(client, found, 1), Declined)


def test_a_notice_comes_again_until_it_is_answered_with_200_whatever_the_body(sandbox: Sandbox, merchant: Merchant) -> None:
    merchant.answers.extend([(500, b"ok"), (302, b""), (200, b"nothing agreed on")])
    asked, _ = paid(sandbox, sandbox.unionpay(), back_url=merchant.url)
    bodies = [merchant.next() for _ in range(3)]
    assert len(set(bodies)) == 1
    sent = [one for one in sandbox.requests(asked.order_id, vendor="unionpay") if one["direction"] == "sent"]
    assert len(sent) <= 3
    assert merchant.heard.empty()


def test_an_unknown_switch_is_refused_and_changes_nothing(sandbox: Sandbox) -> None:
    assert sandbox.control("unionpay", "behaviour", {"notify": "sometimes"}).status_code == 400
    assert sandbox.control("unionpay", "pay", {"order_no": "nothing"}).status_code == 404
    assert sandbox.http.get("/_control/unionpay/behaviour").json()["default"]["notify"] == "normal"


def test_the_front_page_shows_the_orders_of_every_vendor(sandbox: Sandbox) -> None:
    asked, _ = paid(sandbox, sandbox.unionpay())
    shown = sandbox.http.get("/").text
    assert asked.order_id in shown
    assert "WeChat Pay" in shown


def test_the_file_of_a_day_has_every_payment_and_refund(sandbox: Sandbox) -> None:
    client = sandbox.unionpay()
    asked, found = paid(sandbox, client)
    refund_no = new_order_no()
    refund(client, found, 500, refund_no)
    settled = (clock.now() + timedelta(hours=1)).astimezone(clock.SHANGHAI).date()
    assert isinstance(client.bill(settled), Unknown), "a day that is not over has no bill"
    with clock.frozen(clock.now() + timedelta(days=2)):
        said = client.bill(settled)
        assert isinstance(said, Done)
        (one, back) = said.value
        assert (one.transaction_id, one.out_trade_no, one.amount) == (found.query_id, asked.order_id, Money(1999))
        assert (back.out_refund_no, back.out_trade_no, back.amount) == (refund_no, asked.order_id, Money(500))
        assert one.at == found.done_at
        assert client.bill(settled - timedelta(days=40)) == Done([])
        sandbox.behave(vendor="unionpay", gateway="down")
        assert isinstance(client.bill(settled), Unknown)


def test_orders_and_keys_survive_a_restart(tmp_path: Path) -> None:
    settings = SandboxSettings(state=tmp_path)
    asked, secrets = order(), []
    for _ in range(2):
        with serving(settings) as url, httpx.Client(base_url=url, trust_env=False) as http:
            client = Sandbox(url, http).unionpay(form="pem")
            secrets.append((client.config.sign_private_key, client.config.root_certificate, client.config.cert_id))
            client.app(asked)
            assert known(client, asked).state is TradeState.OPEN
    assert secrets[0] == secrets[1], "what the product was given still serves"
