"""The read model can be lost, damaged or behind, and comes back from SQL."""

from shared.views.entitlements import EntitlementItem
from tests.subscriptions import build
from tests.subscriptions.conftest import items


def filled(shop) -> None:
    """A running right, an ended one, a bought work and a refunded one."""
    plan_id = shop.plan()
    shop.pay(plan_id)
    gone = build.person(shop.house.sql)
    token = shop.sign_in(gone)
    subscription_id, order_no = shop.bought(plan_id, token)
    shop.hear(build.paid(order_no, subscription_id, gone), build.refunded(order_no, subscription_id, gone))
    for number in ("C1", "C2"):
        content_id = build.work(shop.house.sql, shop.creator, "paid")
        shop.hear(build.paid(number, content_id, shop.customer, kind="content", seller_id=shop.creator))
    shop.hear(build.refunded("C2", content_id, shop.customer, kind="content", seller_id=shop.creator))
    shop.bought(plan_id, shop.sign_in(build.person(shop.house.sql)))


def test_a_whole_read_model_is_left_alone(shop) -> None:
    filled(shop)
    before = items()
    assert len(before) == 4
    assert shop.rebuild() == 0
    assert items() == before


def test_a_lost_read_model_comes_back_as_it_was(shop) -> None:
    filled(shop)
    before = items()
    for pk, sk in before:
        EntitlementItem(pk, sk).delete()
    assert shop.rebuild() == 4
    assert items() == before


def test_a_damaged_or_forgotten_right_is_put_right(shop) -> None:
    filled(shop)
    before = items()
    for number, item in enumerate(EntitlementItem.scan()):
        wrong = {"revoked": 1 - int(item.revoked), "version": int(item.version) - number % 2}
        EntitlementItem(item.pk, item.sk, **(item.attribute_values | wrong)).save()
    assert shop.rebuild() == 4
    assert items() == before
    assert shop.rebuild() == 0


def test_a_right_newer_than_what_the_repair_read_is_kept(shop) -> None:
    filled(shop)
    [(pk, sk)] = [key for key in items() if key == (f"U#{shop.customer}", f"CREATOR#{shop.creator}")]
    EntitlementItem(pk, sk, **(EntitlementItem.get(pk, sk).attribute_values | {"version": 10**6, "revoked": 1})).save()
    assert shop.rebuild() == 0
    assert items()[pk, sk]["version"] == 10**6


def test_the_repair_goes_through_every_batch(shop) -> None:
    plan_id = shop.plan()
    shop.house.sql(
        """
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            current_period_start, current_period_end, version, created_at, updated_at)
        SELECT 500000 + n / 2, 900000 + n %% 2, %s, 1, 0, 'active', true, now(), now() + interval '1 day', n, now(), now()
        FROM generate_series(1, 205) n
        """,
        (plan_id,),
    )
    shop.house.sql(
        """
        INSERT INTO subscriptions.content_purchases (user_id, content_id, creator_id, order_no, status, version, created_at,
            updated_at)
        SELECT 500000 + n / 3, 7 + n % 3, 1, 'P' || n, 'active', n, now(), now() FROM generate_series(1, 101) n
        """
    )
    assert shop.rebuild() == 306
    assert len(items()) == 306
