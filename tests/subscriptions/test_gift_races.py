"""Gifts and memberships on real connections that commit: many at once, and a process killed between any two statements."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from functions.subscriptions import gift_codes
from functions.subscriptions.gift_schemas import GiveIn
from functions.subscriptions.memberships import terms
from functions.subscriptions.service import gifts, memberships, orders
from functions.subscriptions.store.memberships import granted
from shared import clock
from shared.sql import connection, outbox
from shared.sql.connection import Connection, connect, transaction
from tests.payments.build import Crash, dying_before_statement
from tests.subscriptions import build
from tests.subscriptions.test_discount_races import flash_sale
from tests.subscriptions.test_races import Market

AT_ONCE = 16


@pytest.fixture
def market(cloud: None, fresh_database: Callable[..., str]) -> Market:
    return Market(fresh_database)


class Gift:
    """A gift that was bought on a database that commits."""

    def __init__(self, market: Market, plan_id: int) -> None:
        self.buyer = build.person(market.sql)
        made = market.act(lambda db: gifts.give(db, self.buyer, GiveIn(plan_id=plan_id)))
        self.id, self.order_no, self.market = made.gift_id, made.order_no, market
        [(sealed,)] = market.sql("SELECT code_sealed FROM subscriptions.gifts WHERE gift_id = %s", (self.id,))
        self.code = gift_codes.reveal(sealed, self.order_no)

    def hears(self, kind: str) -> Callable[[Connection], None]:
        """What a fact about its order does."""
        said: Any = {"paid": orders.paid, "closed": orders.closed, "refunded": orders.refunded}[kind]
        fact = getattr(build, kind)(self.order_no, self.id, self.buyer, kind="gift")
        return lambda db: said(db, fact)

    def redeemed_by(self, uid: int) -> Callable[[Connection], Any]:
        """What redeeming its code does."""
        return lambda db: gifts.redeem(db, uid, self.code).subscription_id

    def state(self) -> list[tuple[Any, ...]]:
        """The gift, what it gave, and what was said."""
        return self.market.sql(
            """
            SELECT g.status, g.recipient_id, d.status, s.user_id, s.status, (SELECT count(*) FROM platform.outbox_events)
            FROM subscriptions.gifts g LEFT JOIN subscriptions.subscription_periods d USING (gift_id)
            LEFT JOIN subscriptions.user_subscriptions s USING (subscription_id) WHERE g.gift_id = %s
            """,
            (self.id,),
        )


def test_sixteen_people_with_one_code_and_one_of_them_has_it(market: Market) -> None:
    plan_id = market.plan(max_subscribers=1)
    gift = Gift(market, plan_id)
    market.act(gift.hears("paid"))
    said = Counter(
        one if isinstance(one, str) else "redeemed"
        for one in market.race(*(gift.redeemed_by(build.person(market.sql)) for _ in range(AT_ONCE)))
    )
    assert said == {"redeemed": 1, "gift_redeemed": AT_ONCE - 1}
    assert (market.counts(plan_id), len(gift.state())) == ((1, 1), 1)


def test_one_person_with_sixteen_codes_redeems_one_of_them(market: Market) -> None:
    plan_id, friend = market.plan(), build.person(market.sql)
    many = [Gift(market, plan_id) for _ in range(AT_ONCE)]
    for gift in many:
        market.act(gift.hears("paid"))
    said = Counter(
        one if isinstance(one, str) else "redeemed" for one in market.race(*(gift.redeemed_by(friend) for gift in many))
    )
    assert said == {"redeemed": 1, "already_subscribed": AT_ONCE - 1}
    assert Counter(gift.state()[0][0] for gift in many) == {"redeemed": 1, "paid": AT_ONCE - 1}


def test_paid_closed_refunded_and_redeemed_at_once_a_refunded_gift_gives_nothing(market: Market) -> None:
    plan_id = market.plan()
    for _ in range(6):
        gift = Gift(market, plan_id)
        people = [build.person(market.sql) for _ in range(3)]
        works = [gift.hears("paid"), gift.hears("closed"), gift.hears("refunded"), gift.hears("refunded")]
        market.race(*works, *(gift.redeemed_by(uid) for uid in people))
        [(status, _, period, _, subscription, _)] = gift.state()
        assert (status, period, subscription) in {("refunded", None, None), ("refunded", "refunded", "cancelled")}
    assert market.counts(plan_id) == (0, 0)


def killed_everywhere(market: Market, act: Callable[[Connection], Any], look: Callable[[], Any]) -> int:
    """Run it, killed before each of its statements in turn; what was seen before is seen after each death. How many."""
    connection.use(connect(market.dsn("subscriptions")))
    before = look()
    for number in count(1):
        try:
            with dying_before_statement(number), transaction() as db:
                act(db)
                outbox.store(db)
        except Crash:
            assert look() == before
            continue
        return number - 1
    raise AssertionError("it never got through")


@pytest.mark.parametrize("verb", ["paid", "redeem", "refunded"])
def test_killed_before_any_statement_a_gift_is_as_it_was_and_then_as_it_should_be(market: Market, verb: str) -> None:
    gift, friend = Gift(market, market.plan()), build.person(market.sql)
    undisturbed = {
        "paid": ("paid", None, None, None, None, 0),
        "redeem": ("redeemed", friend, "granted", friend, "active", 2),
        "refunded": ("refunded", friend, "refunded", friend, "cancelled", 4),
    }
    verbs = {"paid": gift.hears("paid"), "redeem": gift.redeemed_by(friend), "refunded": gift.hears("refunded")}
    for earlier in list(verbs)[: list(verbs).index(verb)]:
        market.act(verbs[earlier])
    assert killed_everywhere(market, verbs[verb], gift.state) >= 3
    assert gift.state() == [undisturbed[verb]]


def test_killed_while_a_gift_is_bought_neither_gift_nor_order_nor_discount_is_left(market: Market) -> None:
    plan_id, buyer = market.plan(), build.person(market.sql)
    flash_sale(market, 5)

    def rows() -> list[tuple[Any, ...]]:
        return market.sql(
            """
            SELECT (SELECT count(*) FROM subscriptions.gifts), (SELECT count(*) FROM payments.payment_orders),
                (SELECT sum(sold) FROM subscriptions.promotions), (SELECT count(*) FROM subscriptions.promotion_redemptions)
            """
        )

    assert killed_everywhere(market, lambda db: gifts.give(db, buyer, GiveIn(plan_id=plan_id)), rows) >= 4
    assert rows() == [(1, 1, 1, 1)]


class Member:
    """A person with memberships ordered on a database that commits."""

    def __init__(self, market: Market, *days: int) -> None:
        self.market, self.uid = market, build.person(market.sql)
        self.orders = [f"M{self.uid}-{n}" for n in range(len(days))]
        for order_no, lasting in zip(self.orders, days, strict=True):
            plan_id = build.membership_plan(market.sql, "basic", lasting)
            market.sql("SELECT subscriptions.open_membership(%s, %s, %s, now())", (order_no, self.uid, plan_id))

    def hears(self, kind: str, order_no: str) -> Callable[[Connection], None]:
        """What a fact about one of the orders does."""
        said: Any = {"paid": orders.paid, "refunded": orders.refunded}[kind]
        fact = getattr(build, kind)(order_no, 1, self.uid, kind="membership", seller_id=0)
        return lambda db: said(db, fact)

    def state(self) -> list[tuple[Any, ...]]:
        """What was told of them, and how often."""
        return self.market.sql(
            """
            SELECT level, expires_at, version, (SELECT count(*) FROM platform.outbox_events)
            FROM subscriptions.membership_standings WHERE user_id = %s
            """,
            (self.uid,),
        )


def test_memberships_paid_and_refunded_at_once_come_to_what_they_come_to_one_by_one(market: Market) -> None:
    member = Member(market, *[10] * 8)
    paid = [member.hears("paid", order_no) for order_no in member.orders]
    market.race(*paid, *paid[:4], *(member.hears("refunded", order_no) for order_no in member.orders[:3]))
    with connect(market.dsn("subscriptions")) as db:
        [last] = terms(granted(db, member.uid))
    [(level, expires_at, version, _)] = member.state()
    assert (level, expires_at) == ("basic", last.until)
    first = market.sql("SELECT min(granted_at) FROM subscriptions.user_memberships WHERE status = 'granted'")[0][0]
    assert expires_at == first + build.days(50)
    facts = market.sql("SELECT payload FROM platform.outbox_events")
    newest = max((payload for (payload,) in facts), key=lambda payload: payload["version"])
    assert (newest["version"], newest["level"], len(newest["terms"])) == (version, "basic", 1)


@pytest.mark.parametrize(
    ("verb", "level", "days"), [("paid", "basic", 60), ("refunded", "free", None), ("over", "free", None)]
)
def test_killed_before_any_statement_a_membership_is_as_it_was_and_then_as_it_should_be(
    market: Market, verb: str, level: str, days: int | None
) -> None:
    with clock.frozen(build.NOON):
        member = Member(market, 30, 30)
        first, second = member.orders
        market.act(member.hears("paid", first))
        acts: dict[str, Callable[[Connection], Any]] = {
            "paid": member.hears("paid", second),
            "refunded": member.hears("refunded", first),
            "over": lambda db: memberships.turn_over_one(db, member.uid, clock.now()),
        }
    with clock.frozen(build.NOON + build.days(30 if verb == "over" else 1)):
        assert killed_everywhere(market, acts[verb], member.state) >= 3
    [(stands, expires_at, _, facts)] = member.state()
    assert (stands, expires_at, facts) == (level, None if days is None else build.NOON + build.days(days), 2)
