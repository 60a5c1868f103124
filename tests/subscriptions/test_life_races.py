"""Pauses and changes of plan at the same moment as what they meet, on real connections that commit; and killed half-way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions.schemas import PauseIn
from functions.subscriptions.service import changing, expiry, orders, pausing
from shared import clock
from shared.sql import outbox
from shared.sql.connection import Connection, connect
from tests.subscriptions import build
from tests.subscriptions.test_races import AT_ONCE, Market, hears, market, outcomes

__all__ = ["market"]
DAY = timedelta(days=1)


def runs(market: Market, plan_id: int) -> tuple[int, int]:
    """A new customer's paid subscription: customer, subscription."""
    customer, subscription_id, order_no = market.pending(plan_id)
    market.act(hears(orders.paid, build.paid(order_no, subscription_id, customer)))
    return customer, subscription_id


def status(market: Market, subscription_id: int) -> str:
    [(found,)] = market.sql(
        "SELECT status FROM subscriptions.user_subscriptions WHERE subscription_id = %s", (subscription_id,)
    )
    return str(found)


def pauses(customer: int, subscription_id: int) -> Callable[[Connection], Any]:
    return lambda db: pausing.pause(db, customer, subscription_id, PauseIn())


def resumes(customer: int, subscription_id: int) -> Callable[[Connection], Any]:
    return lambda db: pausing.resume(db, customer, subscription_id)


def changes(customer: int, subscription_id: int, plan_id: int) -> Callable[[Connection], Any]:
    return lambda db: changing.change(db, customer, subscription_id, plan_id)


def expires(customer: int, subscription_id: int) -> Callable[[Connection], Any]:
    def sweep(db: Connection) -> None:
        expiry.end_if_over(db, customer, subscription_id, clock.now())

    return sweep


def test_a_pause_asked_for_while_the_period_ends_comes_before_or_is_refused(market) -> None:
    with clock.frozen(build.NOON):
        customer, subscription_id = runs(market, market.plan())
    with clock.frozen(build.NOON + 31 * DAY):
        asked = [pauses(customer, subscription_id)] * (AT_ONCE - 1)
        results = market.race(*asked, expires(customer, subscription_id))
    assert outcomes(results) == {"not_active": AT_ONCE - 1, "done": 1}
    assert status(market, subscription_id) == "expired"


def test_a_subscription_swept_many_times_at_once_is_paused_once(market) -> None:
    plan_id = market.plan()
    with clock.frozen(build.NOON):
        customer, subscription_id = runs(market, plan_id)
        market.act(pauses(customer, subscription_id))
    with clock.frozen(build.NOON + 31 * DAY):
        market.race(
            *[expires(customer, subscription_id)] * (AT_ONCE // 2), *[resumes(customer, subscription_id)] * (AT_ONCE // 2)
        )
    assert status(market, subscription_id) == "paused"
    assert market.counts(plan_id) == (0, 1)
    [(ended,)] = market.sql("SELECT count(*) FROM platform.outbox_events WHERE topic = 'subscriptions.ended.v1'")
    [(ordered,)] = market.sql("SELECT count(*) FROM payments.payment_orders WHERE kind = 'renewal'")
    assert (ended, ordered) == (1, 1)


def test_one_order_waits_however_often_a_change_is_asked_for(market) -> None:
    low, high, higher = market.plan(), market.plan(tier=2, amount=9000), market.plan(tier=3, amount=20000)
    customer, subscription_id = runs(market, low)
    wishes = [changes(customer, subscription_id, plan_id) for plan_id in (high, higher)] * (AT_ONCE // 2)
    results = market.race(*wishes)
    numbers = {result.order.order_no for result in results if not isinstance(result, str)}
    assert len(numbers) == 1
    assert outcomes(results) == {"done": AT_ONCE // 2, "already_subscribed": AT_ONCE // 2}


def test_a_paid_change_told_many_times_at_once_is_given_once(market) -> None:
    low, high = market.plan(), market.plan(tier=2, amount=9000)
    customer, subscription_id = runs(market, low)
    order = market.act(changes(customer, subscription_id, high)).order
    fact = build.paid(order.order_no, subscription_id, customer, kind="change_plan")
    market.race(*[hears(orders.paid, fact)] * AT_ONCE)
    assert (market.counts(low), market.counts(high)) == ((0, 0), (1, 1))
    [(begun,)] = market.sql("SELECT count(*) FROM platform.outbox_events WHERE topic = 'subscriptions.activated.v1'")
    assert begun == 2


def test_two_move_between_the_same_plans_in_opposite_ways(market) -> None:
    """Their counts are changed in one order of plans, so neither waits for the other for ever."""
    low, high = market.plan(amount=100), market.plan(tier=2, amount=9000)
    facts = []
    for _ in range(AT_ONCE // 2):
        customer, subscription_id = runs(market, low)
        order = market.act(changes(customer, subscription_id, high)).order
        facts.append(build.paid(order.order_no, subscription_id, customer, kind="change_plan"))
    market.race(*[hears(orders.paid, fact) for fact in facts[::2]])
    back = [build.refunded(fact.order_no, fact.target_id, fact.buyer_id, kind="change_plan") for fact in facts[::2]]
    market.race(*[hears(orders.refunded, fact) for fact in back], *[hears(orders.paid, fact) for fact in facts[1::2]])
    assert market.counts(low)[0] + market.counts(high)[0] == AT_ONCE // 2
    assert market.counts(high)[0] == AT_ONCE // 4


class KilledError(BaseException):
    """The worker dies."""


@pytest.mark.parametrize("verb", ["pause", "resume", "change", "paid"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_before_its_commit_nothing_happened_and_again_it_does(market, verb, when) -> None:
    low, high = market.plan(), market.plan(tier=2, amount=9000)
    with clock.frozen(build.NOON):
        customer, subscription_id = runs(market, low)
        work = pauses(customer, subscription_id)
        if verb in {"change", "paid"}:
            work = changes(customer, subscription_id, high)
        if verb == "paid":
            order = market.act(work).order
            work = hears(orders.paid, build.paid(order.order_no, subscription_id, customer, kind="change_plan"))
        if verb == "resume":
            market.act(work)
            work = resumes(customer, subscription_id)
    with clock.frozen(build.NOON + (31 * DAY if verb == "resume" else DAY)):
        before = _everything(market)
        with pytest.raises(KilledError):
            _killed(market, work, after_telling=when == "after")
        assert _everything(market) == before
        market.act(work)
        assert _everything(market) != before
        once = _everything(market)
        market.act(work)
        assert [len(rows) for rows in _everything(market)[1:]] == [len(rows) for rows in once[1:]], "and once only"


def _killed(market: Market, work: Callable[[Connection], Any], *, after_telling: bool) -> None:
    with connect(market.dsn("subscriptions")) as db, db.transaction():
        work(db)
        if after_telling:
            outbox.store(db)
        raise KilledError


def _everything(market: Market) -> list[list[tuple[Any, ...]]]:
    return [
        market.sql("SELECT status, plan_id, pause_at_period_end FROM subscriptions.user_subscriptions ORDER BY 1, 2"),
        market.sql("SELECT period_id, status FROM subscriptions.subscription_periods ORDER BY 1"),
        market.sql("SELECT order_no FROM payments.payment_orders ORDER BY 1"),
        market.sql("SELECT topic FROM platform.outbox_events ORDER BY 1"),
    ]
