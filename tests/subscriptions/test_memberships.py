"""Memberships of the platform: put on sale, paid, used up, taken back, merged; and what they open."""

from typing import Any

import pytest

from functions.identity import on_membership_changed as account
from functions.subscriptions import on_order_paid
from functions.subscriptions.desk import handler as desk_handler
from functions.subscriptions.errors import UnknownOrderError
from functions.subscriptions.service import orders
from shared.ids import new_ulid
from shared.views.entitlements import EntitlementItem
from tests.fixtures.api import Api
from tests.fixtures.budget import statements
from tests.subscriptions import build
from tests.subscriptions.conftest import Shop
from tests.subscriptions.test_access import NOTHING, allowed, check
from tests.subscriptions.test_merge import merged, parted

FREE: dict[str, Any] = {"level": "free", "expires_at": None, "permissions": []}


def ordered(shop: Shop, plan_id: int, order_no: str, uid: int | None = None) -> str:
    """What PAY-010 leaves here."""
    shop.house.sql(
        "SELECT subscriptions.open_membership(%s, %s, %s, %s)", (order_no, uid or shop.customer, plan_id, build.NOON)
    )
    return order_no


def bought(shop: Shop, plan_id: int, order_no: str, uid: int | None = None) -> None:
    ordered(shop, plan_id, order_no, uid)
    shop.hear(paid(shop, order_no, uid))


def paid(shop: Shop, order_no: str, uid: int | None = None) -> Any:
    return build.paid(order_no, 1, uid or shop.customer, kind="membership", seller_id=0)


def refunded(shop: Shop, order_no: str, **fields: Any) -> Any:
    return build.refunded(order_no, 1, shop.customer, kind="membership", seller_id=0, **fields)


def member(shop: Shop) -> Any:
    return shop.api.get("/subscriptions/permissions", token=shop.token).data["membership"]


def shown(shop: Shop, uid: int | None = None) -> tuple[Any, ...]:
    """What the account shows, once identity has heard everything so far, the first of it last."""
    facts = [fact | {"event_id": new_ulid()} for fact in shop.house.facts("subscriptions.membership_changed.v1")]
    with shop.house.acting("identity"):
        assert account.handler(build.messages(*reversed(facts)), None) == {"batchItemFailures": []}
    [row] = shop.house.sql(
        "SELECT membership_level, membership_expires_at FROM identity.users WHERE uid = %s", (uid or shop.customer,)
    )
    return row


def told(shop: Shop) -> int:
    return len(shop.house.facts("subscriptions.membership_changed.v1"))


def test_a_level_is_paid_raised_used_up_and_over_and_everybody_agrees(noon, shop: Shop) -> None:
    work = build.work(shop.house.sql, shop.creator)
    basic = build.membership_plan(shop.house.sql, "basic", 30, permissions='["content:subscribers", "ai:more"]')
    premium = build.membership_plan(shop.house.sql, "premium", 30, permissions='["ai:most"]')
    assert (member(shop), check(shop, content_id=work).data["allowed"]) == (FREE, False)

    bought(shop, basic, "M1")
    end = noon + build.days(30)
    until = "2026-04-09T04:00:00Z"
    assert check(shop, content_id=work).data == allowed("membership", until)
    assert member(shop) == {"level": "basic", "expires_at": until, "permissions": ["content:subscribers", "ai:more"]}
    assert shown(shop) == ("basic", end)

    with shop.at(noon + build.days(10)):
        bought(shop, premium, "M2")
        assert check(shop, content_id=work).data["allowed"] is False
        assert member(shop) == {"level": "premium", "expires_at": "2026-04-19T04:00:00Z", "permissions": ["ai:most"]}
        assert shown(shop) == ("premium", noon + build.days(40))
        assert shop.turn_over() == 0
    with shop.at(noon + build.days(40)):
        assert check(shop, content_id=work).data == allowed("membership", "2026-05-09T04:00:00Z")
        assert member(shop)["level"] == "basic"
        assert shop.turn_over() == 1
        assert shown(shop) == ("basic", noon + build.days(60))
    with shop.at(noon + build.days(60)):
        assert (check(shop, content_id=work).data["allowed"], member(shop)) == (False, FREE)
        assert (shop.turn_over(), shop.turn_over()) == (1, 0)
        assert shown(shop) == ("free", None)
    spans = shop.house.sql("SELECT level, starts_at, ends_at FROM subscriptions.user_memberships ORDER BY id")
    assert spans == [
        ("basic", noon, noon + build.days(60)),
        ("premium", noon + build.days(10), noon + build.days(40)),
    ]
    shop.project()
    assert shop.rebuild() == 0


def test_what_is_said_twice_late_or_in_any_order_comes_to_the_same(noon, shop: Shop) -> None:
    plan = build.membership_plan(shop.house.sql)
    fact = paid(shop, ordered(shop, plan, "M1"))
    shop.hear(fact, fact, paid(shop, "M1"))
    assert (member(shop)["expires_at"], told(shop)) == ("2026-04-09T04:00:00Z", 1)
    shop.hear(build.closed("M1", 1, shop.customer, kind="membership"))
    assert member(shop)["level"] == "basic"

    ordered(shop, plan, "M2")
    shop.hear(build.closed("M2", 1, shop.customer, kind="membership"), paid(shop, "M2"))
    assert member(shop)["expires_at"] == "2026-05-09T04:00:00Z"

    ordered(shop, plan, "M3")
    shop.hear(refunded(shop, "M3"), paid(shop, "M3"))
    assert member(shop)["expires_at"] == "2026-05-09T04:00:00Z"

    shop.hear(refunded(shop, "M1", full=False))
    assert member(shop)["expires_at"] == "2026-05-09T04:00:00Z"
    shop.hear(refunded(shop, "M1"), refunded(shop, "M1"))
    assert (member(shop)["expires_at"], shown(shop)) == ("2026-04-09T04:00:00Z", ("basic", noon + build.days(30)))
    shop.hear(refunded(shop, "M2"))
    assert (member(shop), shown(shop)) == (FREE, ("free", None))
    assert shop.rebuild() == 0


def test_an_order_nobody_here_knows_of_waits_for_a_person(shop: Shop) -> None:
    with shop.house.acting("subscriptions") as db, pytest.raises(UnknownOrderError):
        orders.paid(db, paid(shop, "nobody's"))
    with shop.house.acting("subscriptions"):
        assert on_order_paid.handler(build.messages(paid(shop, "nobody's")), None)["batchItemFailures"]


def test_what_was_bought_is_what_was_on_sale_then(noon, shop: Shop) -> None:
    plan = build.membership_plan(shop.house.sql, "premium", 30, permissions='["ai:most"]')
    ordered(shop, plan, "M1")
    shop.house.sql(
        "UPDATE subscriptions.membership_plans SET level = 'basic', duration_days = 1, permissions = '[]', is_active = false"
    )
    shop.hear(paid(shop, "M1"))
    assert member(shop) == {"level": "premium", "expires_at": "2026-04-09T04:00:00Z", "permissions": ["ai:most"]}


def test_a_membership_opens_what_its_permissions_list_and_nothing_else(noon, shop: Shop) -> None:
    sql = shop.house.sql
    for_subscribers, sold = build.work(sql, shop.creator), build.work(sql, shop.creator, "paid")
    other = build.person(sql)
    elsewhere = build.work(sql, other)
    file = build.file(sql, shop.creator, for_subscribers)
    until = "2026-04-09T04:00:00Z"
    things: list[dict[str, int]] = [
        {"content_id": for_subscribers}, {"content_id": sold}, {"content_id": elsewhere},
        {"media_id": file}, {"creator_id": shop.creator}, {"creator_id": other}, {"plan_id": shop.plan()},
    ]  # fmt: skip
    opened = {
        '["content:subscribers"]': [True, False, True, True, True, True, False],
        '["content:paid"]': [False, True, False, False, False, False, False],
        f'["content:{sold}"]': [False, True, False, False, False, False, False],
        f'["creator:{shop.creator}"]': [True, False, False, True, True, False, False],
        '["ai:more", "downloads"]': [False] * 7,
    }
    for number, (permissions, expected) in enumerate(opened.items()):
        bought(shop, build.membership_plan(sql, permissions=permissions), f"M{number}")
        answers = [check(shop, **thing).data for thing in things]
        assert [answer["allowed"] for answer in answers] == expected, permissions
        assert all(answer == allowed("membership", until) for answer in answers if answer["allowed"])
        shop.hear(refunded(shop, f"M{number}"))
    assert check(shop, content_id=sold).data == NOTHING | {"price": 990}


def test_who_has_more_than_a_membership_is_told_of_that(noon, shop: Shop) -> None:
    work = build.work(shop.house.sql, shop.creator)
    bought(shop, build.membership_plan(shop.house.sql, permissions='["content:subscribers"]'), "M1")
    shop.pay(shop.plan())
    assert check(shop, content_id=work).data["reason"] == "subscription"


def test_a_member_costs_no_statement_more(shop: Shop) -> None:
    work = build.work(shop.house.sql, shop.creator)
    bought(shop, build.membership_plan(shop.house.sql, permissions='["content:subscribers"]'), "M1")

    def cost(**thing: int) -> int:
        return statements(shop.house, "subscriptions", lambda: check(shop, **thing))

    assert check(shop, content_id=work).data["reason"] == "membership"
    assert (cost(content_id=work), cost(creator_id=shop.creator)) == (0, 0)
    assert statements(shop.house, "subscriptions", lambda: member(shop)) == 1


def test_the_repair_brings_memberships_back(noon, shop: Shop) -> None:
    bought(shop, build.membership_plan(shop.house.sql, permissions='["ai:more"]'), "M1")
    bought(shop, build.membership_plan(shop.house.sql), "M2", build.person(shop.house.sql))
    before = {item.pk: item.attribute_values for item in EntitlementItem.scan()}
    for item in EntitlementItem.scan():
        item.delete()
    assert (shop.rebuild(), shop.rebuild()) == (2, 0)
    assert {item.pk: item.attribute_values for item in EntitlementItem.scan()} == before


def test_memberships_of_a_merged_account_follow_and_come_back(noon, shop: Shop) -> None:
    kept = build.person(shop.house.sql)
    plan = build.membership_plan(shop.house.sql)
    bought(shop, plan, "M1")
    bought(shop, plan, "M2", kept)
    ordered(shop, plan, "late")
    shop.hear(merged(shop.customer, kept))
    assert (shown(shop), shown(shop, kept)) == (("free", None), ("basic", noon + build.days(60)))
    shop.hear(paid(shop, "late"))
    assert shown(shop, kept) == ("basic", noon + build.days(90))
    shop.hear(refunded(shop, "M1"))
    assert shown(shop, kept) == ("basic", noon + build.days(60))
    assert shop.rebuild() == 0
    shop.hear(parted(shop.customer, kept))
    assert (shown(shop), shown(shop, kept)) == (("basic", noon + build.days(30)), ("basic", noon + build.days(30)))
    assert shop.rebuild() == 0


WISH: dict[str, Any] = {
    "level": "premium", "name": "Premium month", "duration_days": 30, "amount": 9900, "usdt_amount": "13.5",
    "ai_daily_quota": 200, "permissions": ["content:subscribers", "ai:most"],
}  # fmt: skip


@pytest.fixture
def desk(api) -> Api:
    made: Api = api(desk_handler, "subscriptions")
    return made


def test_staff_put_memberships_on_sale_change_and_withdraw_them(shop: Shop, desk: Api) -> None:
    operator = build.person(shop.house.sql)
    staff = shop.sign_in(operator, permissions=("subscription:write",))
    build.membership_plan(shop.house.sql, "professional", amount=1)
    made = desk.post("/admin/membership-plans", WISH, token=staff)
    plan_id = made.data["plan_id"]
    assert (made.status, made.data) == (
        201,
        WISH | {"plan_id": plan_id, "currency": "CNY", "usdt_amount": "13.50000000", "is_active": True},
    )
    assert [plan["level"] for plan in shop.api.get("/membership-plans").data["items"]] == ["premium", "professional"]
    assert desk.post("/admin/membership-plans", WISH, token=staff).error == (409, "plan_name_exists")
    changed = desk.put(f"/admin/membership-plans/{plan_id}", {"amount": 8800, "is_active": False}, token=staff)
    assert changed.data == made.data | {"amount": 8800, "is_active": False}
    assert [plan["level"] for plan in shop.api.get("/membership-plans").data["items"]] == ["professional"]
    assert desk.put("/admin/membership-plans/999999", {"amount": 1}, token=staff).error == (404, "plan_not_found")
    log = shop.house.sql(
        "SELECT admin_uid, operation, details -> 'before', details -> 'after' FROM admin.admin_operation_logs"
        " WHERE result = 'success' ORDER BY id"
    )
    assert [row[:2] for row in log] == [(operator, "create_membership_plan"), (operator, "update_membership_plan")]
    assert log[1][2:] == ({"amount": 9900, "is_active": True}, {"amount": 8800, "is_active": False})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("level", "free"), ("name", ""), ("duration_days", 0), ("amount", 0), ("usdt_amount", "0"), ("usdt_amount", "1e-9"),
        ("ai_daily_quota", -1), ("permissions", ["content:everything"]), ("permissions", ["Not a word"]), ("amount", None),
    ],
)  # fmt: skip
def test_a_slip_in_a_membership_is_named(shop: Shop, desk: Api, field: str, value: Any) -> None:
    staff = shop.sign_in(build.person(shop.house.sql), permissions=("subscription:write",))
    reply = desk.post("/admin/membership-plans", WISH | {field: value}, token=staff)
    assert reply.error == (422, "validation_error")
    assert reply.json["details"][0]["field"].startswith(f"body.{field}")
