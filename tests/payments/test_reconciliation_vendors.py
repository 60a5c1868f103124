"""Bills of the vendors themselves: read from their simulators over HTTP, with a difference planted in them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.payments.gateways.alipay import AlipayGateway
from functions.payments.gateways.base import Bill, BillRow, Gateway, NoBill, NotReady, Repaid, Repayment
from functions.payments.gateways.unionpay import UnionpayGateway
from functions.payments.gateways.wechat import WechatGateway
from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from tests.fixtures.sandbox import Sandbox

AMOUNT = Money(10_000)


@pytest.fixture(params=["alipay", "wechat", "unionpay"])
def vendor(request: pytest.FixtureRequest, sandbox: Sandbox) -> Gateway:
    made: dict[str, Callable[[], Gateway]] = {
        "alipay": lambda: AlipayGateway(sandbox.alipay(), "http://house.test"),
        "wechat": lambda: WechatGateway(sandbox.wechat(), "http://house.test"),
        "unionpay": lambda: UnionpayGateway(sandbox.unionpay(), "http://house.test"),
    }
    return made[request.param]()


@pytest.fixture
def pass_days(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Move the clock of both sides: to noon in Beijing, that many days on."""
    file = tmp_path / "clock.json"
    monkeypatch.setenv("CLOCK_FILE", str(file))
    now = clock.now().astimezone(clock.SHANGHAI)
    noon = (now.replace(hour=12, minute=0, second=0) + timedelta(days=1) - now).total_seconds()

    def move(days: int) -> None:
        file.write_text(f'{{"offset_seconds": {noon + days * 86_400}}}')

    return move


def pay(vendor: Gateway, sandbox: Sandbox) -> str:
    """A payment that was made; its number."""
    number = new_order_no()
    until = clock.now() + timedelta(minutes=30)
    scene = "app" if vendor.channel == "unionpay" else "qr"
    vendor.create(Bill(number, f"O{number}"[:32], AMOUNT, "会员", scene, until))  # type: ignore[arg-type]  # a literal
    sandbox.pay(number, vendor=vendor.channel)
    return number


def rows(vendor: Gateway, day: Any) -> list[BillRow]:
    said = vendor.bill(day)
    assert not isinstance(said, NotReady | NoBill), said
    return list(said)


def test_a_bill_tells_of_payments_and_refunds_in_one_vocabulary(
    vendor: Gateway, sandbox: Sandbox, pass_days: Callable[[int], None]
) -> None:
    pass_days(0)
    day = clock.now().astimezone(clock.SHANGHAI).date()
    number, refund_no = pay(vendor, sandbox), new_order_no()
    repaid = vendor.refund(Repayment(number, refund_no, Money(3_000), "x", AMOUNT, None))
    assert isinstance(repaid, Repaid)
    pass_days(2)
    told = {row.kind: row for row in rows(vendor, day)}
    assert (told["pay"].payment_no, told["pay"].amount, told["pay"].refund_no) == (number, AMOUNT, None)
    assert told["pay"].fee == Money(60)
    assert (told["refund"].refund_no, told["refund"].amount) == (refund_no, Money(3_000))
    assert told["refund"].gateway_no == told["pay"].gateway_no
    assert told["pay"].at.astimezone(clock.SHANGHAI).date() == day
    assert isinstance(vendor.bill(day + timedelta(days=1)), NoBill)


def test_a_vendor_that_is_away_has_no_bill_yet(vendor: Gateway, sandbox: Sandbox, pass_days: Callable[[int], None]) -> None:
    pass_days(2)
    sandbox.behave(vendor=vendor.channel, gateway="down")
    assert isinstance(vendor.bill(clock.now().date() - timedelta(days=1)), NotReady)


@pytest.mark.parametrize("vendor", ["alipay", "wechat"], indirect=True)
@pytest.mark.parametrize(
    ("switch", "amounts"),
    [("right", [10_000, 10_000]), ("missing", [10_000]), ("wrong_amount", [10_000, 10_001]),
     ("unknown_row", [10_000, 10_000, 10_000])],
)  # fmt: skip
def test_a_difference_can_be_planted_in_the_bill_of_one_payment(
    vendor: Gateway, sandbox: Sandbox, pass_days: Callable[[int], None], switch: str, amounts: list[int]
) -> None:
    pass_days(0)
    day = clock.now().astimezone(clock.SHANGHAI).date()
    other, number = pay(vendor, sandbox), pay(vendor, sandbox)
    sandbox.behave(vendor=vendor.channel, bill=switch, order_no=number)
    pass_days(2)
    told = rows(vendor, day)
    assert sorted(row.amount.minor for row in told) == amounts
    known = {row.payment_no for row in told}
    assert other in known
    assert (number in known) == (switch != "missing")
    assert len(known - {other, number}) == (switch == "unknown_row")
