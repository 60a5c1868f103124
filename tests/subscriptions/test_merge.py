"""Rights of a merged account: they follow, the read model with them, and come back; late facts find whose they are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from events.identity import AccountsMerged, AccountsParted
from functions.subscriptions import on_accounts_merged, on_accounts_parted
from functions.subscriptions.service import merging, orders
from shared import clock
from shared.ids import new_ulid
from shared.sql import connection, outbox
from shared.sql.connection import connect
from shared.views.entitlements import held
from tests.payments.build import Crash, dying_before_statement
from tests.subscriptions import build
from tests.subscriptions.conftest import Shop

ROUNDS = 60


def merged(dropped: int, into: int, merge_id: int = 1) -> AccountsMerged:
    now = clock.now()
    return AccountsMerged(
        event_id=new_ulid(), occurred_at=now, merge_id=merge_id, from_uid=dropped, into_uid=into, merged_at=now
    )


def parted(dropped: int, into: int, merge_id: int = 1) -> AccountsParted:
    now = clock.now()
    return AccountsParted(
        event_id=new_ulid(), occurred_at=now, merge_id=merge_id, from_uid=dropped, into_uid=into, parted_at=now
    )


@pytest.fixture
def kept(shop: Shop) -> int:
    """The account that the customer's is merged into."""
    return build.person(shop.house.sql)


def rights(shop: Shop, uid: int, content_id: int | None = None) -> Any:
    return held(uid, shop.creator, content_id)


def standing(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.house.sql(
        "SELECT subscription_id, user_id, status FROM subscriptions.user_subscriptions ORDER BY 1"
    ) + shop.house.sql("SELECT purchase_id, user_id, status FROM subscriptions.content_purchases ORDER BY 1")


def buy(shop: Shop, uid: int, content_id: int, order_no: str) -> None:
    shop.hear(build.paid(order_no, content_id, uid, kind="content", seller_id=shop.creator))


def test_a_subscription_and_a_purchase_follow_and_come_back(shop: Shop, kept: int) -> None:
    plan_id = shop.plan()
    subscription_id = shop.pay(plan_id)
    buy(shop, shop.customer, 77, "o77")
    before, had = standing(shop), rights(shop, shop.customer, 77)
    counts = shop.counts(plan_id)
    shop.hear(merged(shop.customer, kept))
    assert rights(shop, kept, 77) == had
    assert rights(shop, shop.customer, 77) != had
    assert [row[1] for row in standing(shop)] == [kept, kept]
    assert shop.counts(plan_id) == counts
    shop.hear(parted(shop.customer, kept))
    assert standing(shop) == before
    assert rights(shop, shop.customer, 77) == had
    assert rights(shop, kept, 77) != had
    assert shop.status(subscription_id)["status"] == "active"


def test_the_daily_repair_finds_nothing_to_correct(shop: Shop, kept: int) -> None:
    shop.pay(shop.plan())
    buy(shop, shop.customer, 77, "o77")
    shop.hear(merged(shop.customer, kept))
    had = rights(shop, kept, 77)
    shop.rebuild()
    assert rights(shop, kept, 77) == had
    shop.hear(parted(shop.customer, kept))
    shop.rebuild()
    assert rights(shop, shop.customer, 77) == had


def test_told_twice_or_in_the_wrong_order_nothing_moves_twice(shop: Shop, kept: int) -> None:
    shop.pay(shop.plan())
    before = standing(shop)
    told = merged(shop.customer, kept)
    shop.hear(parted(shop.customer, kept), told, merged(shop.customer, kept))
    assert standing(shop) == before
    shop.hear(merged(shop.customer, kept, 2), merged(shop.customer, kept, 2))
    assert [row[1] for row in standing(shop)] == [kept]
    shop.hear(parted(shop.customer, kept, 2), parted(shop.customer, kept, 2))
    assert standing(shop) == before


def test_a_purchase_both_made_is_held_by_both_after_the_undoing(shop: Shop, kept: int) -> None:
    buy(shop, shop.customer, 77, "theirs")
    buy(shop, kept, 77, "mine")
    had = rights(shop, kept, 77)
    shop.hear(merged(shop.customer, kept))
    assert rights(shop, kept, 77) == had
    shop.hear(parted(shop.customer, kept))
    assert rights(shop, kept, 77) == had == rights(shop, shop.customer, 77)


def test_a_refund_of_what_followed_is_taken_from_who_has_it(shop: Shop, kept: int) -> None:
    buy(shop, shop.customer, 77, "o77")
    had = rights(shop, shop.customer, 77)
    shop.hear(merged(shop.customer, kept))
    assert rights(shop, kept, 77) == had
    shop.hear(build.refunded("o77", 77, shop.customer, kind="content", seller_id=shop.creator))
    assert rights(shop, kept, 77) != had
    shop.hear(parted(shop.customer, kept))
    assert rights(shop, shop.customer, 77) != had
    assert standing(shop)[-1][1:] == (shop.customer, "refunded")


def test_a_subscription_refunded_after_the_merge_ends_for_who_has_it(shop: Shop, kept: int) -> None:
    subscription_id, order_no = shop.bought(shop.plan())
    shop.hear(build.paid(order_no, subscription_id, shop.customer))
    shop.hear(merged(shop.customer, kept))
    shop.hear(build.refunded(order_no, subscription_id, shop.customer))
    assert standing(shop) == [(subscription_id, kept, "cancelled")]
    assert rights(shop, kept).subscription is None


def test_a_late_payment_gives_to_who_has_the_rights_now(shop: Shop, kept: int) -> None:
    subscription_id, order_no = shop.bought(shop.plan())
    shop.hear(build.closed(order_no, subscription_id, shop.customer))
    shop.hear(merged(shop.customer, kept))
    assert standing(shop) == [(subscription_id, shop.customer, "expired")]
    shop.hear(build.paid(order_no, subscription_id, shop.customer))
    assert standing(shop) == [(subscription_id, kept, "active")]
    buy(shop, shop.customer, 77, "late")
    assert standing(shop)[-1][1:] == (kept, "active")
    shop.hear(parted(shop.customer, kept))
    assert {row[1] for row in standing(shop)} == {shop.customer}


def test_a_subscription_both_have_stays_where_it_is(shop: Shop, kept: int) -> None:
    plan_id = shop.plan()
    shop.pay(plan_id)
    shop.pay(plan_id, shop.sign_in(kept), kept)
    before = standing(shop)
    shop.hear(merged(shop.customer, kept))
    assert standing(shop) == before
    shop.hear(parted(shop.customer, kept))
    assert standing(shop) == before


def test_a_new_subscription_of_the_kept_account_survives_the_undoing(shop: Shop, kept: int) -> None:
    plan_id = shop.plan()
    moved = shop.pay(plan_id)
    shop.hear(merged(shop.customer, kept))
    token = shop.sign_in(kept)
    assert shop.api.post(f"/subscriptions/unsubscribe/{moved}", {"immediate": True}, token=token).status == 200
    shop.pay(plan_id, token, kept)
    had = rights(shop, kept)
    shop.hear(parted(shop.customer, kept))
    assert rights(shop, kept) == had
    assert rights(shop, shop.customer) != had
    shop.rebuild()
    assert rights(shop, kept) == had


@pytest.fixture
def sql(cloud: None, fresh_database: Callable[..., str]) -> Any:
    """A database that keeps what is committed."""
    connection.use(connect(fresh_database("subscriptions")))
    with connect(fresh_database()) as owner:
        yield lambda text, given=None: (cursor := owner.execute(text, given)).description and cursor.fetchall()


def arranged(sql: Any) -> tuple[int, int, int]:
    """Who is dropped, who is kept, and what the first one has."""
    creator, dropped, kept = (build.person(sql) for _ in range(3))
    plan_id = build.plan(sql, creator)
    now = clock.now()
    [(subscription_id,)] = sql(
        """
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            current_period_start, current_period_end, version, created_at, updated_at)
        VALUES (%s, %s, %s, 1, 3000, 'active', true, %s, %s, nextval('subscriptions.entitlement_version'), %s, %s)
        RETURNING subscription_id
        """,
        (dropped, creator, plan_id, now, now + build.days(30), now, now),
    )
    return dropped, kept, subscription_id


def owner_of(sql: Any, subscription_id: int) -> int:
    return int(
        sql("SELECT user_id FROM subscriptions.user_subscriptions WHERE subscription_id = %s", (subscription_id,))[0][0]
    )


@pytest.mark.parametrize("told", ["merged", "parted"])
def test_killed_before_every_statement_it_ends_as_one_undisturbed(sql: Any, told: str) -> None:
    dropped, kept, subscription_id = arranged(sql)
    if told == "parted":
        on_accounts_merged.handler(build.messages(merged(dropped, kept)), None)
    before = owner_of(sql, subscription_id)
    fact, listener = (
        (merged(dropped, kept), on_accounts_merged) if told == "merged" else (parted(dropped, kept), on_accounts_parted)
    )
    for number in range(1, ROUNDS):
        try:
            with dying_before_statement(number):
                assert listener.handler(build.messages(fact), None) == {"batchItemFailures": []}
        except Crash:
            if connection.current().pgconn.transaction_status:
                connection.current().rollback()
            assert owner_of(sql, subscription_id) in {before, dropped + kept - before}
            continue
        break
    else:
        raise AssertionError("it never got through")
    assert number > 5
    assert owner_of(sql, subscription_id) == dropped + kept - before
    assert sql("SELECT count(*) FROM platform.outbox_events WHERE topic LIKE '%%entitlement%%'") == [
        (2 if told == "merged" else 4,)
    ]


def test_a_merge_heard_while_a_payment_is_waits_for_it(sql: Any, fresh_database: Callable[..., str]) -> None:
    dropped, kept, _ = arranged(sql)

    def hear() -> None:
        with connect(fresh_database("subscriptions")) as db, db.transaction():
            merging.hear(db, merged(dropped, kept))

    with ThreadPoolExecutor(1) as pool, connect(fresh_database("subscriptions")) as db:
        with db.transaction():
            orders.paid(db, build.paid("now", 77, dropped, kind="content"))
            heard = pool.submit(hear)
            while not heard.done() and sql("SELECT 1 FROM pg_locks WHERE NOT granted") == []:
                pass
        heard.result()
    assert sql("SELECT user_id FROM subscriptions.content_purchases") == [(kept,)]


@pytest.mark.parametrize("round_", range(5))
def test_a_merge_its_undoing_and_a_late_payment_at_once_end_where_they_belong(
    sql: Any, fresh_database: Callable[..., str], round_: int
) -> None:
    del round_
    dropped, kept, subscription_id = arranged(sql)
    works = [
        lambda db: merging.hear(db, merged(dropped, kept)),
        lambda db: merging.hear(db, merged(dropped, kept)),
        lambda db: merging.part(db, parted(dropped, kept)),
        lambda db: orders.paid(db, build.paid("late", 77, dropped, kind="content")),
    ]
    barrier = Barrier(len(works))

    def one(work: Callable[[Any], Any]) -> None:
        with connect(fresh_database("subscriptions")) as db:
            barrier.wait()
            with db.transaction():
                work(db)
                outbox.store(db)

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(one, works))
    assert owner_of(sql, subscription_id) == dropped
    assert sql("SELECT user_id FROM subscriptions.content_purchases") == [(dropped,)]
