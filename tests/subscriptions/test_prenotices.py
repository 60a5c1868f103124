"""WeChat is told of a debit before it is made (预扣费通知), and no debit is made before that."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from functions.subscriptions import look_after_agreements, prenotices
from functions.subscriptions.gateways import registry
from functions.subscriptions.gateways.base import Announced, NoAnswer, NotAnnounced
from functions.subscriptions.gateways.wechat import WechatAgreementGateway
from functions.subscriptions.renewals import Renewal, Step, Terms, next_step
from infra.local.sandbox.wechat.records import Contract
from shared import clock, crypto
from shared.clock import SHANGHAI
from shared.money import Money
from shared.vendors.outcome import Declined
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import DebitOrder, WechatPapay
from shared.views.agreements import number_context
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.subscriptions.collecting import DAY, HOUR, Collecting
from tests.subscriptions.test_agreement_crashes import MortalGateway
from tests.subscriptions.test_renewals import agreement

NUMBER = "201511250000000001"


def beijing(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("at", "hears"),
    [
        (beijing(10, 0), beijing(10, 7, 5)),
        (beijing(10, 7, 4), beijing(10, 7, 5)),
        (beijing(10, 7, 5), beijing(10, 7, 5)),
        (beijing(10, 21, 54), beijing(10, 21, 54)),
        (beijing(10, 21, 55), beijing(11, 7, 5)),
        (beijing(10, 23, 59), beijing(11, 7, 5)),
    ],
)
def test_it_hears_by_day_in_beijing_only(at: datetime, hears: datetime) -> None:
    assert prenotices.may_tell(at.astimezone(UTC)) == hears


@pytest.mark.parametrize("hour", [0, 7, 12, 23])
def test_a_telling_covers_its_debit_and_the_try_a_day_later(hour: int) -> None:
    debit = beijing(10, hour, 30)
    told = prenotices.tell_from(debit.astimezone(UTC))
    assert told == beijing(7, 7, 5)
    assert (prenotices.debit_from(told), prenotices.debit_until(told)) == (beijing(9, 0), beijing(12, 0))
    late = prenotices.debit_from(beijing(9, 21))
    assert late == beijing(11, 0), "told two days late, it is debited a day late"


DUE = beijing(10, 12)
COLLECTED = Renewal(
    renewal_id=1, subscription_id=1, user_id=1, plan_id=1, next_plan_id=None, due_at=DUE, stage="open", status="active",
    period_end=DUE, renews=True, ends=False, grace_until=DUE + 8 * DAY, announced=True, announced_amount=3000,
    notified_at=DUE - 5 * DAY, order_no="1", order_plan_id=1, open_amount=3000, agreed=3000, means="agreement",
    agreement_id=1, tries=0, in_flight=False, hard=False, reason=None, first_try=None, next_attempt_at=None, foretold=True,
    exempt_until=None, telling=False, told_at=DUE - 3 * DAY, told_amount=3000, untellable=False,
)  # fmt: skip
"""On time, told of, its order open."""


@pytest.mark.parametrize(
    ("rows", "now", "expected"),
    [
        ({}, DUE, (Step.DEBIT, DUE)),
        ({"foretold": False, "told_at": None, "told_amount": None}, DUE, (Step.DEBIT, DUE)),
        ({"told_at": None, "told_amount": None}, DUE, (Step.TELL_VENDOR, DUE)),
        ({"told_at": None, "told_amount": None}, beijing(10, 23), (Step.WAIT, beijing(11, 7, 5))),
        ({"told_at": None, "told_amount": None, "exempt_until": DUE + HOUR}, DUE, (Step.DEBIT, DUE)),
        ({"told_at": None, "told_amount": None, "exempt_until": DUE}, DUE, (Step.TELL_VENDOR, DUE)),
        ({"told_at": None, "telling": True}, DUE, (Step.WAIT, DUE + HOUR)),
        ({"told_at": beijing(9, 8)}, DUE, (Step.WAIT, beijing(11, 0))),
        ({"told_at": beijing(5, 8)}, DUE, (Step.TELL_VENDOR, DUE)),
        ({"told_amount": 2999}, DUE, (Step.TELL_VENDOR, DUE)),
        ({"untellable": True}, DUE, (Step.FALL_BEHIND, DUE)),
        ({"untellable": True, "status": "past_due"}, DUE, (Step.WAIT, DUE + 8 * DAY)),
        ({"tries": 2, "status": "past_due", "next_attempt_at": beijing(13, 12)}, beijing(11, 12), (Step.TELL_VENDOR, beijing(11, 12))),
        ({"tries": 3, "status": "past_due", "next_attempt_at": beijing(17, 12)}, beijing(13, 12), (Step.WAIT, beijing(14, 7, 5))),
        ({"order_no": None, "open_amount": None, "told_at": None}, beijing(7, 7), (Step.WAIT, beijing(7, 7, 5))),
        ({"order_no": None, "open_amount": None, "told_at": None}, beijing(7, 7, 5), (Step.TELL_VENDOR, beijing(7, 7, 5))),
        ({"order_no": None, "open_amount": None, "told_at": None, "agreed": 2999}, beijing(7, 7, 5), (Step.WAIT, DUE - HOUR)),
        ({"order_no": None, "open_amount": None, "told_at": None, "notified_at": None}, beijing(6, 9), (Step.WAIT, beijing(7, 7, 5))),
        ({"order_no": None, "open_amount": None}, beijing(8, 9), (Step.WAIT, DUE - HOUR)),
    ],
)  # fmt: skip
def test_what_comes_before_a_debit(rows: dict[str, Any], now: datetime, expected: tuple[Step, datetime]) -> None:
    assert next_step(replace(COLLECTED, **rows), Terms.of_days(5, [1, 3, 7]), now) == expected


class Papay(MortalGateway):
    """WeChat, in whose call of an announcement our process may die."""

    def __init__(self) -> None:
        super().__init__("wechat")

    def announce(self, agreement_no: str, amount: int) -> Any:
        return self._mortal("announce", super().announce, agreement_no, amount)


class Play:
    """A subscriber whose renewal is WeChat's to debit, and the minute's task."""

    def __init__(self, collecting: Collecting, vendor: Papay) -> None:
        self.collecting, self.vendor = collecting, vendor
        self.subscription_id = collecting.subscribed(collecting.plan())
        self.due = collecting.ends(self.subscription_id)
        agreement_id = agreement(collecting, self.subscription_id)
        [(external_no,)] = collecting.sql("SELECT external_no FROM subscriptions.payment_agreements")
        collecting.sql(
            """
            UPDATE subscriptions.payment_agreements SET channel = 'wechat', signed_at = %s, agreement_no = %s
            WHERE agreement_id = %s
            """,
            (collecting.at, crypto.encrypt(NUMBER, number_context(external_no)), agreement_id),
        )

    def look_after(self) -> None:
        """What the schedule does each minute."""
        self.collecting.call(lambda: look_after_agreements.handler({}, None))
        self.collecting.hear()

    def until(self, moment: datetime) -> None:
        """Time passes, an hour at a time."""
        while self.collecting.at < moment:
            self.collecting.until(min(moment, self.collecting.at + HOUR))
            self.look_after()

    def days(self) -> list[int]:
        """On which day after the period's end each debit was asked for."""
        return [
            (debit.requested_at.astimezone(SHANGHAI).date() - self.due.astimezone(SHANGHAI).date()).days
            for debit in self.collecting.debits
        ]

    def told(self) -> list[tuple[Any, ...]]:
        rows = self.collecting.sql("SELECT told_at, amount FROM subscriptions.renewal_prenotices ORDER BY prenotice_id")
        return [tuple(row) for row in rows]


@pytest.fixture
def play(collecting: Collecting) -> Iterator[Play]:
    vendor = Papay()
    registry.use(vendor)
    yield Play(collecting, vendor)
    registry.use(None)


def test_it_is_told_three_days_before_and_debited_when_the_period_ends(play: Play) -> None:
    play.until(play.due - 3 * DAY - 6 * HOUR)
    assert play.vendor.announced == [], "our own notice is out, WeChat's is not due"
    play.until(play.due - HOUR)
    assert play.vendor.announced == [(NUMBER, 3000)]
    assert play.collecting.debits == []
    play.collecting.until(play.due)
    assert play.days() == [0]
    assert play.collecting.status(play.subscription_id) == "active"
    assert len(play.told()) == 1


def test_every_later_try_is_told_of_too(play: Play) -> None:
    play.collecting.answers = ["insufficient"] * 9
    play.until(play.due + 10 * DAY)
    assert play.days() == [0, 1, 3, 7]
    assert play.vendor.announced == [(NUMBER, 3000)] * 3, "the try a day later is of the first telling"
    assert play.collecting.status(play.subscription_id) == "expired"


def test_no_debit_is_made_before_it_was_told(play: Play) -> None:
    play.vendor.down = True
    play.until(play.due - DAY)
    play.vendor.down = False
    play.until(play.due + 11 * HOUR)
    assert play.vendor.announced == [(NUMBER, 3000)]
    assert (play.days(), play.collecting.has_access()) == ([], True)
    play.until(play.due + 2 * DAY)
    assert play.days() == [1], "two days after it was told"
    assert play.collecting.status(play.subscription_id) == "active"


@pytest.mark.parametrize("why", ["deaf", "down"])
def test_a_vendor_that_will_not_hear_leaves_a_link_to_pay(play: Play, why: str) -> None:
    setattr(play.vendor, why, True)
    play.until(play.due + 2 * DAY)
    assert play.collecting.debits == []
    assert (play.collecting.status(play.subscription_id), play.collecting.has_access()) == ("past_due", True)
    assert play.collecting.notices() == ["renewal", "failed"]
    play.collecting.pay(play.collecting.order_no())
    assert play.collecting.status(play.subscription_id) == "active"


def test_a_first_debit_right_after_signing_is_not_told_of(play: Play) -> None:
    play.vendor.down = True
    play.collecting.sql("UPDATE subscriptions.payment_agreements SET signed_at = %s", (play.due - 10 * HOUR,))
    play.until(play.due)
    assert (play.days(), play.vendor.announced) == ([0], [])


def test_who_turned_renewal_off_is_not_told_of_a_debit(play: Play) -> None:
    play.vendor.down = True
    play.until(play.due - 2 * DAY)
    play.collecting.sql("UPDATE subscriptions.user_subscriptions SET cancel_at_period_end = true")
    play.vendor.down = False
    play.until(play.due - DAY)
    assert play.vendor.announced == []
    assert play.collecting.one("SELECT refused FROM subscriptions.renewal_prenotices") == "withdrawn"


@pytest.mark.parametrize(("moment", "times"), [("before announce", 1), ("after announce", 2)])
def test_dying_around_the_telling_tells_twice_at_most(play: Play, moment: str, times: int) -> None:
    play.vendor.dies = moment
    with pytest.raises(AssertionError, match="never comes through"):
        play.until(play.due - 2 * DAY)
    assert play.collecting.deaths == 1
    assert [at for at, _ in play.told()] == [None], "what was wanted is still wanted"
    play.until(play.due)
    assert play.vendor.announced == [(NUMBER, 3000)] * times
    assert play.days() == [0]


def test_who_dies_at_any_moment_of_writing_tells_again_and_debits_once(committing: Collecting) -> None:
    vendor = Papay()
    registry.use(vendor)
    play = Play(committing, vendor)
    play.until(play.due - 3 * DAY - 6 * HOUR)
    committing.until(play.due - 3 * DAY)
    assert play.told() == [(None, 3000)]
    committing.mortal = True
    play.look_after()
    committing.mortal = False
    assert committing.deaths > 3
    assert set(vendor.announced) == {(NUMBER, 3000)}
    assert len(play.told()) == 1
    committing.until(play.due)
    assert play.days() == [0]
    registry.use(None)


@pytest.fixture
def papay(sandbox: Sandbox, merchant: Merchant) -> tuple[WechatPapay, str]:
    """Our client, and the number of a contract that was signed just now."""
    client = WechatPapay(WechatConfig.from_secret(sandbox.secret("wechat")))
    url = client.sign_url(contract_code="PRENOTICE1", serial=1, account="1", notify_url=merchant.url, at=clock.now())
    sandbox.http.get(url.removeprefix(sandbox.url))
    signed = sandbox.control("wechat", "sign", {"external_no": "PRENOTICE1"}).raise_for_status().json()
    sandbox.behave(vendor="wechat", announcement="any_hour")
    return client, str(signed["agreement_no"])


def test_the_gateway_tells_and_says_what_came_of_it(papay: tuple[WechatPapay, str], sandbox: Sandbox) -> None:
    client, number = papay
    gateway = WechatAgreementGateway(client, "https://home.test")
    behave = partial(sandbox.behave, vendor="wechat")
    assert gateway.announce(number, 3000) == Announced()
    assert gateway.announce(number, 3000) == Announced()
    [heard, *_] = [one for one in sandbox.requests(vendor="wechat") if one["what"].endswith(f"/contracts/{number}/notify")]
    assert heard["request"]["estimated_amount"] == {"amount": 3000, "currency": "CNY"}
    assert heard["request"]["deduct_duration"] == {"count": 3, "unit": "DAY"}
    for switch in ("down", "unknown_once", "error", "wrong_signature"):
        behave(gateway=switch)
        assert isinstance(gateway.announce(number, 3000), NoAnswer)
    behave(gateway="up", announcement="declined")
    assert gateway.announce(number, 3000) == NotAnnounced("INVALIDREQUEST")
    behave(announcement="any_hour")
    assert gateway.announce("NOBODYS", 3000) == NotAnnounced("CONTRACTNOTEXIST")


def test_the_simulator_takes_no_second_debit_that_was_not_announced(
    papay: tuple[WechatPapay, str], merchant: Merchant
) -> None:
    client, number = papay
    order = lambda no: DebitOrder(no, Money(3000), "x", no, number, merchant.url)  # noqa: E731 - one line
    assert not isinstance(client.apply(order("PRENOTICEORDER1")), Declined)
    refused = client.apply(order("PRENOTICEORDER2"))
    assert isinstance(refused, Declined)
    assert refused.code == "INVALIDREQUEST"


@pytest.mark.parametrize(
    ("days", "amount", "may"), [(1, 3000, False), (2, 3000, True), (4, 3000, True), (5, 3000, False), (3, 3001, False)]
)
def test_the_simulator_counts_the_days_as_we_do(days: int, amount: int, may: bool) -> None:
    signed = beijing(1, 12)
    contract = Contract(
        contract_code="1", serial="1", account="1", page="1", notify_url="", made_at=signed, signed_at=signed,
        announced_at=beijing(10, 12), announced_amount=3000, announced_days=3,
    )  # fmt: skip
    assert contract.may_be_debited(amount, beijing(10 + days, 0, 1)) is may
    covered = prenotices.debit_from(beijing(10, 12)) <= beijing(10 + days, 0, 1) < prenotices.debit_until(beijing(10, 12))
    assert covered is (may or amount > 3000)
