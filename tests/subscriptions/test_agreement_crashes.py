"""Agreements when the process dies anywhere, and when many hear the same: the end is as if nothing had happened."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from functions.subscriptions.gateways import registry
from functions.subscriptions.gateways.base import NotInForce
from functions.subscriptions.gateways.null import NullAgreementGateway
from functions.subscriptions.schemas import SubscribeIn
from functions.subscriptions.service import agreement_care, agreements, orders, renewing, subscribing
from functions.subscriptions.store import agreement_notices as notices
from shared import clock, crypto
from shared.errors import Refusal
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from shared.sql.edge import unit_of_work
from shared.views.agreements import number_context
from tests.payments.build import Crash, dying_before_statement
from tests.subscriptions import build
from tests.subscriptions.test_races import Market, hears, market

__all__ = ["market"]

MORE_THAN_ANY_WAY_SENDS = 120


class MortalGateway(NullAgreementGateway):
    """A vendor in whose calls our process dies: `dies` is `before unsign`, `after query`, …; it dies once."""

    dies: str | None = None

    def _mortal(self, verb: str, call: Callable[..., Any], *arguments: Any) -> Any:
        self._maybe_die(f"before {verb}")
        said = call(*arguments)
        self._maybe_die(f"after {verb}")
        return said

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = None
            raise Crash(moment)

    def query(self, external_no: str) -> Any:
        return self._mortal("query", super().query, external_no)

    def unsign(self, external_no: str, agreement_no: str | None) -> Any:
        return self._mortal("unsign", super().unsign, external_no, agreement_no)


class House:
    """A committed database with a customer's running subscription, and a vendor in memory."""

    def __init__(self, sql: Callable[..., list[tuple[Any, ...]]], dsn: Callable[..., str], vendor: MortalGateway) -> None:
        self.sql, self.dsn, self.vendor = sql, dsn, vendor

    def begin_again(self) -> None:
        """A new customer with a new subscription, and a vendor that remembers nothing."""
        registry.use(None)
        self.vendor = MortalGateway()
        registry.use(self.vendor)
        self.customer = build.person(self.sql)
        plan_id = build.plan(self.sql, build.person(self.sql))
        with unit_of_work() as db:
            begun = subscribing.subscribe(db, self.customer, SubscribeIn(plan_id=plan_id))
        assert begun.order is not None
        self.subscription_id = begun.subscription.subscription_id
        with unit_of_work() as db:
            orders.paid(db, build.paid(begun.order.order_no, self.subscription_id, self.customer))

    def turn_on(self) -> None:
        with unit_of_work() as db:
            agreements.turn_on(db, self.customer, self.subscription_id, "alipay")

    def turn_off(self) -> None:
        with unit_of_work() as db:
            renewing.turn_off(db, self.customer, self.subscription_id)
            agreements.end_unused(db, self.customer)

    def external_no(self) -> str:
        [(number,)] = self.sql(
            "SELECT external_no FROM subscriptions.payment_agreements WHERE user_id = %s", (self.customer,)
        )
        return str(number)

    def look_after(self) -> None:
        """Two minutes' schedules."""
        for minutes in (2, 4):
            with clock.frozen(clock.now() + timedelta(minutes=minutes)):
                agreement_care.look_after()

    def end_state(self) -> Any:
        rows = self.sql(
            """
            SELECT a.status, a.end_reason, a.unsign_owed, a.agreement_no IS NOT NULL, s.auto_renew,
                s.agreement_id = a.agreement_id
            FROM subscriptions.payment_agreements a JOIN subscriptions.user_subscriptions s USING (subscription_id)
            WHERE a.user_id = %s
            """,
            (self.customer,),
        )
        open_notices = self.sql("SELECT count(*) FROM subscriptions.agreement_notices WHERE processed_at IS NULL")
        return rows, open_notices, len(self.vendor.kept)


@pytest.fixture
def house_kept(fresh_database: Callable[..., str], cloud: None) -> Iterator[House]:
    owner = psycopg.connect(fresh_database(), autocommit=True)
    serving = connect(fresh_database("subscriptions"))
    house_connection.use(serving)

    def sql(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = owner.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    with owner, serving:
        yield House(sql, fresh_database, MortalGateway())
    house_connection.use(None)
    registry.use(None)


def survive(verb: Callable[[], Any]) -> bool:
    """Run it; whether it died. What it refuses the second time, it did the first."""
    try:
        verb()
    except Crash:
        return True
    except Refusal:
        return False
    return False


def sign(house: House) -> Callable[[], None]:
    """Ask, agree, hear of it."""
    told: list[bytes] = []

    def walk() -> None:
        house.turn_on()
        if not told:
            told.append(house.vendor.agree(house.external_no()))
        agreement_care.receive("alipay", told[0])

    return walk


def sign_unheard(house: House) -> Callable[[], None]:
    """Agree without a notice: the schedule asks."""
    house.turn_on()
    house.vendor.agree(house.external_no())
    return house.look_after


def unsign(house: House) -> Callable[[], None]:
    """Turn renewal off; the schedule tells the vendor."""
    house.turn_on()
    agreement_care.receive("alipay", house.vendor.agree(house.external_no()))

    def walk() -> None:
        survive_off()
        house.look_after()

    def survive_off() -> None:
        try:
            house.turn_off()
        except Refusal:
            return

    return walk


WAYS = [sign, sign_unheard, unsign]


def settled(house: House, way: Callable[[House], Callable[[], None]]) -> Any:
    """How it ends when nothing goes wrong."""
    house.begin_again()
    way(house)()
    house.look_after()
    return house.end_state()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_dying_before_any_statement_changes_nothing_in_the_end(house_kept: House, way: Any) -> None:
    expected = settled(house_kept, way)
    for number in range(1, MORE_THAN_ANY_WAY_SENDS):
        house_kept.begin_again()
        walk = way(house_kept)
        with dying_before_statement(number):
            died = survive(walk)
        survive(walk)
        house_kept.look_after()
        assert house_kept.end_state() == expected, number
        if not died:
            assert number > 5
            return
    pytest.fail("longer than thought")


@pytest.mark.parametrize("moment", ["before unsign", "after unsign", "before query", "after query"])
def test_dying_around_a_call_of_the_vendor_changes_nothing_in_the_end(house_kept: House, moment: str) -> None:
    way = unsign if "unsign" in moment else sign_unheard
    expected = settled(house_kept, way)
    house_kept.begin_again()
    walk = way(house_kept)
    house_kept.vendor.dies = moment
    assert survive(walk)
    house_kept.look_after()
    assert house_kept.end_state() == expected
    assert house_kept.vendor.query("nobody") == NotInForce()


def subscribed(market: Market) -> tuple[int, int]:
    customer, subscription_id, order_no = market.pending(market.plan())
    market.act(hears(orders.paid, build.paid(order_no, subscription_id, customer)))
    return customer, subscription_id


@pytest.fixture
def offered(market: Market, cloud: None) -> Iterator[tuple[int, int, MortalGateway]]:
    """A customer, their subscription, and the vendor of the agreement it waits for."""
    vendor = MortalGateway()
    registry.use(vendor)
    yield *subscribed(market), vendor
    registry.use(None)


def test_many_who_ask_at_once_wait_for_one_agreement(market: Market, offered: tuple[int, int, MortalGateway]) -> None:
    customer, subscription_id, _ = offered
    asks = [lambda db: agreements.turn_on(db, customer, subscription_id, "alipay")] * 8
    told = market.race(*asks)
    assert len({one.agreement.sign_url.partition("?")[0] for one in told}) == 1
    assert market.sql("SELECT count(*) FROM subscriptions.payment_agreements") == [(1,)]


def _worked_off(db: Connection, notice: tuple[Any, ...]) -> object:
    return agreement_care.work_off(db, *notice)


def test_sixteen_copies_of_a_notice_and_its_opposite_come_to_one_end(
    market: Market, offered: tuple[int, int, MortalGateway]
) -> None:
    customer, subscription_id, vendor = offered
    market.act(lambda db: agreements.turn_on(db, customer, subscription_id, "alipay"))
    [(external_no,)] = market.sql("SELECT external_no FROM subscriptions.payment_agreements")
    works: list[Callable[[Connection], object]] = []
    for body in (vendor.agree(external_no), vendor.end(external_no)):
        told = vendor.verify(body)
        sealed = crypto.encrypt(told.agreement_no, number_context(external_no))
        notice_id = market.act(partial(notices.keep, channel="alipay", body_hash=told.said * 8, payload="x", at=clock.now()))
        works += [partial(_worked_off, notice=(notice_id, told, sealed))] * 8
    results = market.race(*works)
    assert results.count(None) == 14
    assert sorted(filter(None, results)) in [["end", "nothing"], ["end", "sign"]]
    state = market.sql("SELECT status, end_reason, unsign_owed FROM subscriptions.payment_agreements")
    assert state == [("terminated", "vendor", False)]


def _with_a_second(market: Market, customer: int, subscription_id: int) -> int:
    """The first subscription is renewed by a signed agreement of WeChat's; another subscription of theirs that is not."""
    wechat = MortalGateway("wechat")
    registry.use(wechat)
    market.act(lambda db: agreements.turn_on(db, customer, subscription_id, "wechat"))
    [(external_no,)] = market.sql("SELECT external_no FROM subscriptions.payment_agreements")
    told = wechat.verify(wechat.agree(external_no))
    sealed = crypto.encrypt(told.agreement_no, number_context(external_no))
    notice_id = market.act(lambda db: notices.keep(db, "wechat", "n" * 8, "x", clock.now()))
    market.act(lambda db: agreement_care.work_off(db, notice_id, told, sealed))
    creator = build.person(market.sql)
    made = market.act(lambda db: subscribing.subscribe(db, customer, SubscribeIn(plan_id=build.plan(market.sql, creator))))
    second = made.subscription.subscription_id
    market.act(hears(orders.paid, build.paid(made.order.order_no, second, customer)))
    return int(second)


def test_an_agreement_is_not_ended_as_unused_while_it_is_taken_into_use(
    market: Market, offered: tuple[int, int, MortalGateway]
) -> None:
    """Of ending the last use and beginning another one, whichever comes second sees the first."""
    customer, subscription_id, _ = offered
    second = _with_a_second(market, customer, subscription_id)

    def turn_off(db: Connection) -> int:
        renewing.turn_off(db, customer, subscription_id)
        return agreements.end_unused(db, customer)

    ended, began = market.race(turn_off, lambda db: agreements.turn_on(db, customer, second, "wechat"))
    uses = market.sql(
        """
        SELECT a.status, a.end_reason FROM subscriptions.user_subscriptions s
        JOIN subscriptions.payment_agreements a USING (agreement_id) WHERE s.subscription_id = %s
        """,
        (second,),
    )
    assert (ended, began.agreement.status, uses) in [
        (0, "signed", [("signed", None)]),
        (1, "signing", [("signing", None)]),
    ]


def test_the_sweep_waits_for_who_takes_an_agreement_into_use(
    market: Market, offered: tuple[int, int, MortalGateway]
) -> None:
    customer, subscription_id, _ = offered
    second = _with_a_second(market, customer, subscription_id)
    market.act(lambda db: renewing.turn_off(db, customer, subscription_id))
    with ThreadPoolExecutor(1) as pool:

        def take(db: Connection) -> Future[int]:
            assert agreements.turn_on(db, customer, second, "wechat").agreement.status == "signed"
            swept = pool.submit(market.act, lambda sweeping: agreements.end_unused(sweeping, customer))
            with pytest.raises(TimeoutError):
                swept.result(0.5)
            return swept

        assert market.act(take).result() == 0
    assert market.sql("SELECT status FROM subscriptions.payment_agreements") == [("signed",)]
