"""A coupon and a campaign, killed before every statement on the way reserve, commit, release: counted as undisturbed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.subscriptions import on_order_closed, on_order_paid, on_refund_succeeded
from functions.subscriptions.schemas import SubscribeIn
from functions.subscriptions.service import subscribing
from shared.sql import connection
from shared.sql.connection import connect
from shared.sql.edge import unit_of_work
from tests.payments.build import Crash, dying_before_statement
from tests.subscriptions import build
from tests.subscriptions.test_discount_races import coupon, flash_sale
from tests.subscriptions.test_races import Market

CODE = "KILLED"
MORE_THAN_ANY_WAY_SENDS = 60


@pytest.fixture
def market(cloud: None, fresh_database: Callable[..., str]) -> Iterator[Market]:
    """A database that keeps what is committed, and a house that serves from it."""
    serving = connect(fresh_database("subscriptions"))
    connection.use(serving)
    with serving:
        yield Market(fresh_database)
    connection.use(None)


class Sale:
    """One customer who subscribes with a code during a campaign, and the three places where that is counted."""

    def __init__(self, market: Market, plan_id: int, coupon_id: int, promotion_id: int) -> None:
        self.market, self.plan_id, self.coupon_id, self.promotion_id = market, plan_id, coupon_id, promotion_id
        self.customer = build.person(market.sql)

    def subscribe(self) -> None:
        """What SUB-006 does."""
        with unit_of_work() as db:
            subscribing.subscribe(db, self.customer, SubscribeIn(plan_id=self.plan_id, coupon_code=CODE))

    def order(self) -> tuple[str, int] | None:
        """The order's number and the subscription's, if it was placed."""
        rows = self.market.sql(
            "SELECT order_no, target_id FROM payments.payment_orders WHERE user_id = %s", (self.customer,)
        )
        assert len(rows) <= 1
        return rows[0] if rows else None

    def counted(self) -> tuple[Any, ...]:
        """Uses of the coupon, pieces and budget of the campaign, and the state of what this order holds of both."""
        ((used, sold, budget),) = self.market.sql(
            """
            SELECT c.used, p.sold, p.used_budget FROM subscriptions.coupons c, subscriptions.promotions p
            WHERE c.coupon_id = %s AND p.promotion_id = %s
            """,
            (self.coupon_id, self.promotion_id),
        )
        held = self.market.sql(
            """
            SELECT status FROM subscriptions.coupon_redemptions WHERE user_id = %(uid)s
            UNION ALL SELECT status FROM subscriptions.promotion_redemptions WHERE user_id = %(uid)s
            """,
            {"uid": self.customer},
        )
        return used, sold, budget, sorted(status for (status,) in held)


def hear(handler: Any, fact: Any) -> None:
    """The queue delivers a fact; whoever dies in it is delivered again."""
    assert handler.handler(build.messages(fact), None) == {"batchItemFailures": []}


def killed(verb: Callable[[], None], number: int) -> bool:
    """Whether it died before its so-manieth statement."""
    with dying_before_statement(number):
        try:
            verb()
        except Crash:
            return True
    return False


@pytest.mark.parametrize("way", ["reserve", "commit", "release", "refund"])
def test_killed_before_any_statement_the_places_are_counted_right(market: Market, way: str) -> None:
    plan_id = market.plan(amount=3000)
    coupon_id, promotion_id = coupon(market, CODE, 10_000, each=10_000), flash_sale(market, 10_000)
    for number in range(1, MORE_THAN_ANY_WAY_SENDS):
        sale = Sale(market, plan_id, coupon_id, promotion_id)
        base = sale.counted()[:3]
        if way == "reserve":
            dead = killed(sale.subscribe, number)
            if dead and sale.order() is None:
                assert sale.counted() == (*base, []), number
                sale.subscribe()
        else:
            sale.subscribe()
        found = sale.order()
        assert found is not None
        held = sale.counted()
        assert held[3] == ["reserved", "reserved"]
        assert [now - was for now, was in zip(held[:2], base[:2], strict=True)] == [1, 1]
        ways: dict[str, list[tuple[Any, Any]]] = {
            "commit": [(on_order_paid, build.paid(*found, sale.customer))],
            "release": [(on_order_closed, build.closed(*found, sale.customer))],
            "refund": [
                (on_order_paid, build.paid(*found, sale.customer)),
                (on_refund_succeeded, build.refunded(*found, sale.customer)),
            ],
        }
        steps = ways.get(way, [])
        for place, (handler, fact) in enumerate(steps):
            deliver = lambda handler=handler, fact=fact: hear(handler, fact)  # noqa: E731 - a verb to be killed in
            if place == len(steps) - 1:
                dead = killed(deliver, number)
            deliver()
        if way == "commit":
            assert sale.counted() == (*held[:3], ["used", "used"]), number
        elif way in {"release", "refund"}:
            assert sale.counted() == (*base, ["released", "released"]), number
        if not dead:
            assert number > 3
            return
    pytest.fail("this way never ends")
