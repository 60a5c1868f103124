"""Eight at once, on real connections that commit: the database decides, not luck."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from events.base import Fact
from functions.subscriptions.schemas import SubscribeIn, UnsubscribeIn
from functions.subscriptions.service import expiry, orders, subscribing, unsubscribing
from functions.subscriptions.service import plans as plan_service
from shared.errors import Refusal
from shared.sql import connection, outbox
from shared.sql.connection import Connection, connect
from tests.subscriptions import build

AT_ONCE = 8


class Market:
    """A database of its own, with a creator in it."""

    def __init__(self, dsn: Callable[..., str]) -> None:
        self.dsn = dsn
        self.creator = build.person(self.sql)

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with connect(self.dsn()) as db:
            cursor = db.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def plan(self, **fields: Any) -> int:
        return build.plan(self.sql, self.creator, **fields)

    def act(self, work: Callable[[Connection], Any]) -> Any:
        """One transaction on a connection of its own; the refusal's name when it was refused."""
        with connect(self.dsn("subscriptions")) as db:
            try:
                with db.transaction():
                    done = work(db)
                    outbox.store(db)
            except Refusal as refusal:
                return refusal.error
            return done

    def race(self, *works: Callable[[Connection], Any]) -> list[Any]:
        """All of them at the same moment, each on its own thread."""
        barrier = Barrier(len(works))

        def run(work: Callable[[Connection], Any]) -> Any:
            def at_the_same_moment(db: Connection) -> Any:
                barrier.wait()
                return work(db)

            return self.act(at_the_same_moment)

        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(run, works))

    def pending(self, plan_id: int) -> tuple[int, int, str]:
        """A new customer's pending subscription: customer, subscription, order."""
        customer = build.person(self.sql)
        made = self.act(subscribes(customer, plan_id))
        return customer, made.subscription.subscription_id, made.order.order_no

    def counts(self, plan_id: int) -> tuple[int, int]:
        [row] = self.sql(
            "SELECT subscriber_count, seats_taken FROM subscriptions.subscription_plans WHERE plan_id = %s", (plan_id,)
        )
        return int(row[0]), int(row[1])


@pytest.fixture
def market(fresh_database) -> Market:
    return Market(fresh_database)


def subscribes(customer: int, plan_id: int) -> Callable[[Connection], Any]:
    return lambda db: subscribing.subscribe(db, customer, SubscribeIn(plan_id=plan_id))


def hears(react: Callable[[Connection, Any], None], fact: Fact) -> Callable[[Connection], None]:
    return lambda db: react(db, fact)


def outcomes(results: list[Any]) -> Counter[str]:
    return Counter(result if isinstance(result, str) else "done" for result in results)


@pytest.mark.parametrize("amount", [0, 3000])
def test_one_user_who_subscribes_eight_times_at_once_subscribes_once(market, amount) -> None:
    customer = build.person(market.sql)
    plans = [market.plan(amount=amount) for _ in range(2)]
    results = market.race(*(subscribes(customer, plans[n % 2]) for n in range(AT_ONCE)))
    assert outcomes(results) == {"done": 1, "already_subscribed": AT_ONCE - 1}
    assert sum(market.counts(plan_id)[1] for plan_id in plans) == 1
    assert len(market.sql("SELECT 1 FROM payments.payment_orders")) == (1 if amount else 0)


def test_two_seats_are_taken_by_two_of_eight(market) -> None:
    plan_id = market.plan(max_subscribers=2)
    customers = [build.person(market.sql) for _ in range(AT_ONCE)]
    results = market.race(*(subscribes(customer, plan_id) for customer in customers))
    assert outcomes(results) == {"done": 2, "plan_full": AT_ONCE - 2}
    assert market.counts(plan_id) == (0, 2)


def test_one_payment_heard_eight_times_at_once_gives_one_period(market) -> None:
    customer, subscription_id, order_no = market.pending(plan_id := market.plan())
    facts = [build.paid(order_no, subscription_id, customer) for _ in range(AT_ONCE)]
    market.race(*(hears(orders.paid, fact) for fact in facts))
    said = market.sql("SELECT topic FROM platform.outbox_events ORDER BY id")
    assert said == [("subscriptions.entitlement_changed.v1",), ("subscriptions.activated.v1",)]
    assert market.counts(plan_id) == (1, 1)


def test_payment_close_and_refund_that_meet_end_as_if_they_had_queued(market) -> None:
    plan_id = market.plan()
    for _ in range(4):
        customer, subscription_id, order_no = market.pending(plan_id)
        market.race(
            hears(orders.paid, build.paid(order_no, subscription_id, customer)),
            hears(orders.closed, build.closed(order_no, subscription_id, customer)),
            hears(orders.refunded, build.refunded(order_no, subscription_id, customer)),
        )
        [(status,)] = market.sql(
            "SELECT status FROM subscriptions.user_subscriptions WHERE subscription_id = %s", (subscription_id,)
        )
        assert status in {"expired", "cancelled"}
    assert market.counts(plan_id) == (0, 0)


def test_a_late_payment_and_a_new_subscription_that_meet_leave_one_live(market) -> None:
    plan_id = market.plan()
    for _ in range(4):
        customer, subscription_id, order_no = market.pending(plan_id)
        market.act(hears(orders.closed, build.closed(order_no, subscription_id, customer)))
        market.race(
            hears(orders.paid, build.paid(order_no, subscription_id, customer)),
            subscribes(customer, plan_id),
        )
        live = market.sql(
            """
            SELECT subscription_id, status FROM subscriptions.user_subscriptions
            WHERE user_id = %s AND status IN ('pending', 'trialing', 'active', 'past_due')
            """,
            (customer,),
        )
        assert live == [(subscription_id, "active")]
    assert market.counts(plan_id) == (4, 4)


def test_eight_buyers_paying_while_the_plan_is_archived_lose_nothing_and_block_nobody(market) -> None:
    plan_id = market.plan()
    pending = [market.pending(plan_id) for _ in range(AT_ONCE - 1)]
    market.race(
        lambda db: plan_service.archive(db, market.creator, plan_id),
        *(hears(orders.paid, build.paid(order_no, bought, customer)) for customer, bought, order_no in pending),
    )
    assert market.counts(plan_id) == (AT_ONCE - 1, AT_ONCE - 1)
    ending = market.sql("SELECT DISTINCT status, cancel_at_period_end FROM subscriptions.user_subscriptions")
    assert ending == [("active", True)]


def test_leaving_and_expiring_at_once_end_a_subscription_once(market, cloud) -> None:
    customer = build.person(market.sql)
    made = market.act(subscribes(customer, market.plan(amount=0)))
    subscription_id = made.subscription.subscription_id
    leaves = UnsubscribeIn(immediate=True)
    results = market.race(
        *(lambda db: unsubscribing.unsubscribe(db, customer, subscription_id, leaves) for _ in range(AT_ONCE))
    )
    assert outcomes(results) == {"done": 1, "subscription_not_active": AT_ONCE - 1}
    connection.use(connect(market.dsn("subscriptions")))
    assert expiry.expire_due() == 0
    assert len(market.sql("SELECT 1 FROM platform.outbox_events WHERE topic = 'subscriptions.ended.v1'")) == 1


def test_versions_of_a_right_follow_its_changes_across_subscriptions(market) -> None:
    """Two plans of one creator: the old subscription ends while the new one begins, eight times over."""
    customer, plans = build.person(market.sql), [market.plan(amount=0) for _ in range(2)]
    current = market.act(subscribes(customer, plans[0])).subscription.subscription_id
    leaves = UnsubscribeIn(immediate=True)
    for round_ in range(AT_ONCE):
        fresh = subscribes(customer, plans[(round_ + 1) % 2])
        results = market.race(lambda db, old=current: unsubscribing.unsubscribe(db, customer, old, leaves), fresh)
        begun = results[1] if not isinstance(results[1], str) else market.act(fresh)
        current = begun.subscription.subscription_id
    newest_first = market.sql(
        "SELECT subscription_id, status FROM subscriptions.user_subscriptions ORDER BY version DESC LIMIT 1"
    )
    assert newest_first == [(current, "active")]
