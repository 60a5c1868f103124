"""What tests of the simulators need again and again."""

from datetime import timedelta

from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors.alipay import AlipayClient, Order, Payee
from shared.vendors.alipay_results import (
    Done,
    Trade,
    Transfer,
    TransferStatus,
)
from tests.fixtures.sandbox import Sandbox

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


def until_noon() -> timedelta:
    """How far the next noon in Beijing is, so that no test trades across a midnight."""
    now = clock.now().astimezone(clock.SHANGHAI)
    return now.replace(hour=12, minute=0, second=0) + timedelta(days=1) - now
