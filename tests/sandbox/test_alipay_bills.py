"""Bills: the product's client against the simulator, over real HTTP."""

from datetime import timedelta

import httpx

from shared import clock
from shared.money import Money
from shared.vendors.alipay_bill import BillKind
from shared.vendors.alipay_results import (
    Done,
    Refused,
    Unknown,
)
from tests.sandbox.build import paid, until_noon


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
