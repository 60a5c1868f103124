"""Coupons and flash sales under a stampede, on real connections that commit: exactly the cap, never one more."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions.pricing_schemas import UseCouponIn
from functions.subscriptions.schemas import SubscribeIn
from functions.subscriptions.service import orders, subscribing
from functions.subscriptions.service.pricing import coupons
from shared import clock
from shared.errors import Refusal
from shared.sql import outbox
from shared.sql.connection import Connection, connect
from shared.views import prices
from tests.subscriptions import build
from tests.subscriptions.test_races import Market

AT_ONCE = 500
THREADS = 32
CAP = 40


@pytest.fixture
def market(fresh_database) -> Market:
    return Market(fresh_database)


def people(market: Market, number: int) -> list[int]:
    return [row[0] for row in market.sql("SELECT 900000 + n FROM generate_series(1, %s) n", (number,))]


def coupon(market: Market, code: str, total: int, each: int = 1) -> int:
    [(coupon_id,)] = market.sql(
        """
        INSERT INTO subscriptions.coupons (code, owner_id, name, kind, value, min_amount, target_type, target_ids,
            total_quantity, per_user_limit, starts_at, ends_at, status, created_at, updated_at)
        VALUES (%s, %s, 'c', 'amount', 100, 0, 'all', '{}', %s, %s, now() - interval '1 day', now() + interval '1 day', 'active',
            now(), now()) RETURNING coupon_id
        """,
        (code, market.creator, total, each),
    )
    return int(coupon_id)


def flash_sale(market: Market, stock: int | None, budget: int | None = None) -> int:
    [(promotion_id,)] = market.sql(
        """
        INSERT INTO subscriptions.promotions (name, kind, value, targets, starts_at, ends_at, stock, budget, stackable, status,
            created_at, updated_at)
        VALUES ('p', 'flash_sale', 500, '{"all": true}', now() - interval '1 day', now() + interval '1 day', %s, %s, false,
            'scheduled', now(), now()) RETURNING promotion_id
        """,
        (stock, budget),
    )
    return int(promotion_id)


def ordered(db: Connection, uid: int, work_id: int, number: int, code: str | None) -> str:
    """What PAY-010 does, without payments: hold the price, open the order, take what it names."""
    now = clock.now()
    price = prices.hold(db, prices.Wish("content", work_id, uid, code), now)
    assert price is not None
    if price.refused is not None:
        return price.refused
    order_no = f"R{number}"
    db.execute(
        "SELECT commerce.open_order('subscriptions', 'content', %s, %s, 1, 't', %s, %s, 'CNY', '[]', %s, %s, %s)",
        (work_id, uid, price.gross, price.discount, order_no, now, now + timedelta(minutes=30)),
    )
    prices.reserve(db, order_no, uid, price, expires_at=now + timedelta(minutes=30), at=now)
    return "taken" if price.discount else "full price"


def stampede(market: Market, works: list[Callable[[Connection], Any]]) -> Counter[str]:
    """All of them, on 32 connections at a time."""

    def lane(mine: list[Callable[[Connection], Any]]) -> list[str]:
        said = []
        with connect(market.dsn("subscriptions")) as db:
            for work in mine:
                try:
                    with db.transaction():
                        said.append(str(work(db)))
                        outbox.store(db)
                except Refusal as refusal:
                    said.append(refusal.error)
        return said

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(word for said in pool.map(lane, [works[n::THREADS] for n in range(THREADS)]) for word in said)


@pytest.mark.timeout(180)
def test_five_hundred_at_once_use_a_coupon_exactly_as_often_as_there_are(market) -> None:
    work_id, coupon_id = build.work(market.sql, market.creator, "paid"), coupon(market, "STAMPEDE", CAP)
    works: list[Any] = [
        lambda db, uid=uid, n=n: ordered(db, uid, work_id, n, "stampede") for n, uid in enumerate(people(market, AT_ONCE))
    ]
    assert stampede(market, works) == {"taken": CAP, "coupon_exhausted": AT_ONCE - CAP}
    assert market.sql("SELECT used FROM subscriptions.coupons WHERE coupon_id = %s", (coupon_id,)) == [(CAP,)]
    assert market.sql("SELECT count(*) FROM subscriptions.coupon_redemptions") == [(CAP,)]


@pytest.mark.timeout(180)
def test_one_person_with_two_hundred_orders_uses_it_as_often_as_one_may(market) -> None:
    work_id = build.work(market.sql, market.creator, "paid")
    coupon(market, "ONCE", 1000, each=3)
    works: list[Any] = [lambda db, n=n: ordered(db, 900_001, work_id, n, "ONCE") for n in range(200)]
    assert stampede(market, works) == {"taken": 3, "coupon_limit_reached": 197}


@pytest.mark.timeout(180)
def test_five_hundred_at_once_buy_what_the_flash_sale_has(market) -> None:
    work_id, promotion_id = build.work(market.sql, market.creator, "paid"), flash_sale(market, CAP)
    works: list[Any] = [
        lambda db, uid=uid, n=n: ordered(db, uid, work_id, n, None) for n, uid in enumerate(people(market, AT_ONCE))
    ]
    assert stampede(market, works) == {"taken": CAP, "full price": AT_ONCE - CAP}
    assert market.sql("SELECT sold, used_budget FROM subscriptions.promotions WHERE promotion_id = %s", (promotion_id,)) == [
        (CAP, CAP * 490)
    ]


def test_a_budget_is_never_overspent(market) -> None:
    work_id = build.work(market.sql, market.creator, "paid")
    flash_sale(market, None, budget=490 * 7 + 489)
    works: list[Any] = [
        lambda db, uid=uid, n=n: ordered(db, uid, work_id, n, None) for n, uid in enumerate(people(market, 64))
    ]
    assert stampede(market, works) == {"taken": 7, "full price": 57}


def test_exactly_the_first_seven_of_sixty_four_at_once_have_the_early_price(market) -> None:
    work_id = build.work(market.sql, market.creator, "paid")
    market.sql(
        """
        INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, is_active, created_at,
            updated_at)
        VALUES (%s, 'content', %s, 'early_bird', '{"first_n": 7, "amount_off": 100}', 0, true, now(), now())
        """,
        (market.creator, work_id),
    )
    works: list[Any] = [
        lambda db, uid=uid, n=n: ordered(db, uid, work_id, n, None) for n, uid in enumerate(people(market, 64))
    ]
    assert stampede(market, works) == {"taken": 7, "full price": 57}
    market.sql(
        """
        UPDATE payments.payment_orders SET status = 'cancelled' WHERE order_no NOT IN
            (SELECT order_no FROM payments.payment_orders WHERE discount_amount > 0 ORDER BY order_no LIMIT 6)
        """
    )
    late: list[Any] = [lambda db, n=n: ordered(db, 900_100 + n, work_id, 100 + n, None) for n in range(3)]
    assert stampede(market, late) == {"taken": 1, "full price": 2}, "a place is free again when its order ends unpaid"


def test_a_coupon_laid_and_a_payment_begun_at_the_same_moment_agree_on_the_price(market) -> None:
    """Whoever holds the order first decides; the attempt and the order never differ."""
    plan_id = market.plan()
    coupon(market, "LATE", 100)
    for _ in range(8):
        customer, _, order_no = market.pending(plan_id)

        def pay(_db: Connection, order_no: str = order_no) -> str:
            with connect(market.dsn("payments")) as db, db.transaction():
                [(amount,)] = db.execute(
                    "SELECT payable_amount FROM payments.payment_orders WHERE order_no = %s FOR UPDATE", (order_no,)
                ).fetchall()
                db.execute(
                    """
                    INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, scene, amount, currency, status,
                        expires_at, created_at, updated_at)
                    VALUES (%s, %s, 'alipay', 'pay', 'pc', %s, 'CNY', 'created', now(), now(), now())
                    """,
                    (order_no, order_no, amount),
                )
            return "begun"

        market.race(pay, lambda db, who=customer, no=order_no: coupons.use(db, who, UseCouponIn(code="LATE", order_no=no)))
        [(payable, attempt)] = market.sql(
            """
            SELECT o.payable_amount, t.amount FROM payments.payment_orders o JOIN payments.payment_transactions t USING (order_no)
            WHERE order_no = %s
            """,
            (order_no,),
        )
        assert payable == attempt


def test_payment_close_and_refund_that_meet_leave_the_count_right(market) -> None:
    plan_id, coupon_id = market.plan(), coupon(market, "MEET", 100, each=100)
    for _ in range(6):
        customer = build.person(market.sql)
        made = market.act(
            lambda db, who=customer: subscribing.subscribe(db, who, SubscribeIn(plan_id=plan_id, coupon_code="MEET"))
        )
        number, subscription_id = made.order.order_no, made.subscription.subscription_id
        market.race(
            lambda db, f=build.paid(number, subscription_id, customer): orders.paid(db, f),
            lambda db, f=build.closed(number, subscription_id, customer): orders.closed(db, f),
            lambda db, f=build.paid(number, subscription_id, customer): orders.paid(db, f),
        )
        assert market.sql("SELECT status FROM subscriptions.coupon_redemptions WHERE order_no = %s", (number,)) == [
            ("used",)
        ]
        market.race(
            lambda db, f=build.refunded(number, subscription_id, customer): orders.refunded(db, f),
            lambda db, f=build.paid(number, subscription_id, customer): orders.paid(db, f),
        )
    assert market.sql("SELECT used FROM subscriptions.coupons WHERE coupon_id = %s", (coupon_id,)) == [(0,)]
