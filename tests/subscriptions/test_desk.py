"""What staff see of everybody's subscriptions."""

from typing import Any

import pytest

from functions.subscriptions import desk
from tests.fixtures.api import Api
from tests.subscriptions import build


class Desk:
    """The list as one who may read it gets it."""

    def __init__(self, door: Api, token: str) -> None:
        self.door, self.token = door, token

    def __call__(self, **query: Any) -> list[int]:
        items = self.door.get("/admin/subscriptions", query=query, token=self.token).data["items"]
        return [item["subscription_id"] for item in items]


@pytest.fixture
def staff(shop, api, sign_in) -> Desk:
    reader = build.person(shop.house.sql)
    return Desk(api(desk.handler, "subscriptions"), sign_in(reader, permissions=("subscription:read",)))


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
