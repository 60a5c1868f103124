"""What staff see of everybody's subscriptions."""

import pytest

from functions.subscriptions import desk
from tests.subscriptions import build


@pytest.fixture
def staff(shop, api, sign_in):
    door, token = (
        api(desk.handler, "subscriptions"),
        sign_in(build.person(shop.house.sql), permissions=("subscription:read",)),
    )

    def asks(**query):
        items = door.get("/admin/subscriptions", query=query, token=token).data["items"]
        return [item["subscription_id"] for item in items]

    asks.door = door
    return asks


def test_staff_see_everybodys_subscriptions_and_find_each_by_what_it_is(noon, shop, staff, sign_in) -> None:
    plan_id = shop.plan()
    other = build.person(shop.house.sql)
    first = shop.pay(plan_id)
    second, _ = shop.bought(plan_id, sign_in(other))
    assert staff() == [second, first]
    assert staff(user_id=other) == [second]
    assert staff(status="active", creator_id=shop.creator, plan_id=plan_id) == [first]
    assert staff(status="paused") == staff(creator_id=other) == []
    assert staff.door.get("/admin/subscriptions", query={"status": "lost"}, token=shop.token).status in {403, 422}


def test_what_renews_before_a_moment_is_what_says_so_itself(noon, shop, staff) -> None:
    made = shop.subscribe(shop.plan(), auto_renew=True, channel="alipay").data
    subscription_id, order_no = made["subscription"]["subscription_id"], made["order"]["order_no"]
    shop.hear(build.paid(order_no, subscription_id, shop.customer))
    assert shop.status(subscription_id)["next_renewal_at"] == "2026-04-10T04:00:00Z"
    assert staff(renew_before="2026-04-10T04:00:01Z") == [subscription_id]
    assert staff(renew_before="2026-04-10T04:00:00Z") == []
    shop.api.post(f"/subscriptions/pause/{subscription_id}", {}, token=shop.token)
    assert staff(renew_before="2026-04-10T04:00:01Z") == []


def test_others_are_turned_away(shop, staff) -> None:
    assert staff.door.get("/admin/subscriptions", token=shop.token).error == (403, "permission_denied")
    assert staff.door.get("/admin/subscriptions").error == (401, "unauthenticated")
