"""Notifications over real HTTP, as the product's client reads them, under every switch."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay import AlipayClient, Order
from shared.vendors.alipay_notify import (
    ACKNOWLEDGED,
    Notification,
    NotificationRefusedError,
    form_pairs,
    verify_notification,
)
from shared.vendors.alipay_results import Done, Trade, TradeStatus
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.local.waiting import eventually

REFUSED = (200, b"fail")


@pytest.fixture
def client(sandbox: Sandbox) -> AlipayClient:
    return sandbox.alipay()


@pytest.fixture
def sent(client: AlipayClient, merchant: Merchant) -> Order:
    """An order at Alipay whose notifications come to the merchant."""
    return offered(client, merchant)


def offered(client: AlipayClient, merchant: Merchant) -> Order:
    number = new_order_no()
    order = Order(
        out_trade_no=number,
        amount=Money(1230, "CNY"),
        subject="会员",
        notify_url=merchant.url,
        expires_at=clock.now() + timedelta(minutes=30),
        passback=f"ORDER{number}",
    )
    assert isinstance(client.precreate(order), Done)
    return order


@pytest.fixture
def clock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The laptop's movable clock."""
    monkeypatch.setenv("CLOCK_FILE", str(tmp_path / "clock.json"))
    return tmp_path / "clock.json"


def told(client: AlipayClient, body: bytes) -> Notification:
    return verify_notification(client.config, form_pairs(body))


def refund(client: AlipayClient, sent: Order, fen: int, number: str = "R1") -> None:
    outcome = client.refund(out_trade_no=sent.out_trade_no, out_request_no=number, amount=Money(fen), reason="x")
    assert isinstance(outcome, Done)


def notices(sandbox: Sandbox, sent: Order):
    """What was delivered for an order, newest first."""
    return [item for item in sandbox.requests(sent.out_trade_no) if item["what"] == "notify"]


def nothing_more(merchant: Merchant) -> bool:
    return merchant.heard.empty()


def test_a_payment_is_told_once_when_acknowledged(sandbox, client, sent, merchant):
    sandbox.pay(sent.passback)

    heard = told(client, merchant.next())

    assert (heard.out_trade_no, heard.status, heard.total) == (sent.out_trade_no, TradeStatus.PAID, Money(1230, "CNY"))
    assert heard.passback == sent.passback
    assert nothing_more(merchant)


def test_it_is_sent_again_with_the_same_id_until_the_body_is_exactly_success(sandbox, client, sent, merchant):
    merchant.answers.extend([(500, b"success"), (200, b"Success"), (200, b"success\n"), (302, b"success")])
    sandbox.pay(sent.out_trade_no)

    heard = [told(client, merchant.next()) for _ in range(5)]

    assert len({one.notify_id for one in heard}) == 1
    assert nothing_more(merchant)
    assert ACKNOWLEDGED == "success"


def test_refunds_are_told_too_with_what_went_back_so_far(sandbox, client, sent, merchant):
    sandbox.pay(sent.out_trade_no)
    merchant.next()
    refund(client, sent, 230)
    partial = told(client, merchant.next())
    refund(client, sent, 1000, "R2")
    full = told(client, merchant.next())

    assert (partial.status, partial.refunded_total, partial.out_request_no) == (TradeStatus.PAID, Money(230, "CNY"), "R1")
    assert (full.status, full.refunded_total, full.out_request_no) == (TradeStatus.CLOSED, Money(1230, "CNY"), "R2")
    assert partial.refunded_at is not None
    assert partial.total == full.total == Money(1230, "CNY")


def test_a_repeated_refund_is_not_told_again(sandbox, client, sent, merchant):
    sandbox.pay(sent.out_trade_no)
    refund(client, sent, 230)
    refund(client, sent, 230)

    assert {told(client, merchant.next()).out_request_no for _ in range(2)} == {None, "R1"}
    assert nothing_more(merchant)


def test_late_waits_for_the_products_clock(sandbox, client, sent, merchant, clock_file):
    sandbox.behave(notify="late", delay_seconds=7200)
    sandbox.pay(sent.out_trade_no)
    assert notices(sandbox, sent) == []

    clock_file.write_text('{"offset_seconds": 7201}')

    assert told(client, merchant.next()).status is TradeStatus.PAID


def test_duplicate_tells_twice_though_acknowledged(sandbox, client, sent, merchant):
    sandbox.behave(notify="duplicate")
    sandbox.pay(sent.out_trade_no)

    assert merchant.next() == merchant.next()
    assert nothing_more(merchant)


def test_out_of_order_lets_the_refund_overtake_the_payment(sandbox, client, sent, merchant):
    sandbox.behave(notify="out_of_order", order_no=sent.passback)
    sandbox.pay(sent.out_trade_no)
    refund(client, sent, 1230)

    first, second = told(client, merchant.next()), told(client, merchant.next())

    assert (first.status, first.out_request_no) == (TradeStatus.CLOSED, "R1")
    assert (second.status, second.out_request_no) == (TradeStatus.PAID, None)


def test_out_of_order_repeats_a_payment_that_was_told_before(sandbox, client, sent, merchant):
    sandbox.pay(sent.out_trade_no)
    payment = merchant.next()
    # Heard here is not yet believed there: the simulator must have had our answer before it counts as told.
    assert eventually(lambda: any("notify_id" in str(one) and "success" in str(one) for one in sandbox.requests()))
    sandbox.behave(notify="out_of_order")
    refund(client, sent, 1230)

    assert told(client, merchant.next()).status is TradeStatus.CLOSED
    assert merchant.next() == payment


def test_wrong_amount_is_well_signed_and_wrong(sandbox, client, sent, merchant):
    sandbox.behave(notify="wrong_amount")
    sandbox.pay(sent.out_trade_no)

    assert told(client, merchant.next()).total == Money(1330, "CNY")
    known = client.query(sent.out_trade_no)
    assert isinstance(known, Done)
    assert isinstance(known.value, Trade)
    assert known.value.total == Money(1230, "CNY")


@pytest.mark.parametrize("lie", [("wrong_signature", "signature"), ("wrong_app_id", "app_id")], ids=str)
def test_what_is_not_alipays_word_to_us_is_refused_and_resent(sandbox, client, sent, merchant, lie):
    how, fault = lie
    sandbox.behave(notify=how)
    merchant.answers.append(REFUSED)
    sandbox.pay(sent.out_trade_no)

    for _ in range(2):
        with pytest.raises(NotificationRefusedError, match=fault):
            told(client, merchant.next())


def test_silent_tells_nothing_and_the_query_knows(sandbox, client, sent, merchant):
    sandbox.behave(notify="silent", order_no=sent.out_trade_no)
    sandbox.pay(sent.out_trade_no)
    known = client.query(sent.out_trade_no)

    assert isinstance(known, Done)
    assert isinstance(known.value, Trade)
    assert known.value.status is TradeStatus.PAID
    loud = offered(client, merchant)
    sandbox.pay(loud.out_trade_no)
    assert told(client, merchant.next()).out_trade_no == loud.out_trade_no


def test_deliveries_are_in_the_journal_with_the_merchants_answer(sandbox, sent, merchant):
    merchant.answers.append(REFUSED)
    sandbox.pay(sent.out_trade_no)
    merchant.next()
    merchant.next()
    sandbox.behave(reset=True)

    newest = notices(sandbox, sent)[-1]
    assert (newest["direction"], newest["response"]) == ("sent", "fail")
    assert newest["request"]["notify_id"]
    assert len(newest["request"]["sign"]) < 16
