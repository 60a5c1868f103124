"""SUB-012 and SUB-013: may the caller use it, and what do they hold?"""

import pytest

from shared import clock
from shared.dynamo.sessions import SessionItem
from shared.views.entitlements import EntitlementItem
from tests.fixtures.budget import statements
from tests.subscriptions import build

NOTHING = {"allowed": False, "reason": "none", "expires_at": None, "required_plan_ids": [], "price": None}


def check(shop, token=None, **thing):
    return shop.api.get("/subscriptions/access-check", query=thing, token=token or shop.token)


def allowed(reason, expires_at=None):
    return {"allowed": True, "reason": reason, "expires_at": expires_at, "required_plan_ids": [], "price": None}


@pytest.mark.parametrize(
    "query", [{}, {"content_id": 1, "plan_id": 1}, {"content_id": 0}, {"plan_id": 2**63}, {"media_id": "x"}]
)
def test_exactly_one_thing_is_asked_about(shop, query) -> None:
    assert check(shop, **query).error == (422, "validation_error")


def test_the_reason_is_given_in_the_callers_language(shop) -> None:
    for language, word in {"en": "exactly one", "zh-CN": "须且仅须"}.items():
        reply = shop.api.get("/subscriptions/access-check", token=shop.token, headers={"accept-language": language})
        assert word in reply.json["details"][0]["message"]


def test_who_is_not_signed_in_may_not_ask(shop) -> None:
    assert shop.api.get("/subscriptions/access-check", query={"content_id": 1}).error == (401, "unauthenticated")
    assert shop.api.get("/subscriptions/permissions").error == (401, "unauthenticated")


def test_what_does_not_exist_or_is_not_out_is_not_found(shop) -> None:
    draft = build.work(shop.house.sql, shop.creator, "free", status="draft")
    deleted = build.work(shop.house.sql, shop.creator, "free", status="deleted")
    for content_id in (draft, deleted, draft + 1000):
        assert check(shop, content_id=content_id).error == (404, "content_not_found")
    assert check(shop, shop.creator_token, content_id=draft).data == allowed("owner")
    assert check(shop, shop.creator_token, content_id=deleted).error == (404, "content_not_found")
    assert check(shop, plan_id=10**6).error == (404, "plan_not_found")
    assert check(shop, media_id=10**6).error == (404, "not_found")


def test_a_free_work_is_open_and_an_author_reads_their_own(shop) -> None:
    free, own = build.work(shop.house.sql, shop.creator, "free"), build.work(shop.house.sql, shop.creator, "paid")
    assert check(shop, content_id=free).data == allowed("free")
    assert check(shop, shop.creator_token, content_id=own).data == allowed("owner")


def test_users_granted_by_the_author_and_staff_who_read_contents_may(shop) -> None:
    content_id = build.work(shop.house.sql, shop.creator, granted=[shop.customer])
    assert check(shop, content_id=content_id).data == allowed("granted")
    staff = shop.sign_in(build.person(shop.house.sql), permissions=("content:read",))
    assert check(shop, staff, content_id=content_id).data == allowed("granted")


def test_a_work_for_subscribers_names_the_plans_that_open_it(noon, shop) -> None:
    low, middle, high = (shop.plan(tier=tier) for tier in (1, 2, 3))
    shop.plan(tier=3, status="archived")
    elsewhere = shop.plan(tier=3, content_scope="selected", content_ids=[1])
    for_any = build.work(shop.house.sql, shop.creator)
    for_middle = build.work(shop.house.sql, shop.creator, plan_ids=[middle])
    assert check(shop, content_id=for_any).data == NOTHING | {"required_plan_ids": [low, middle, high]}
    assert check(shop, content_id=for_middle).data == NOTHING | {"required_plan_ids": [middle, high]}
    assert elsewhere not in check(shop, content_id=for_any).data["required_plan_ids"]


@pytest.mark.parametrize(("tier", "may"), [(1, False), (2, True), (3, True)])
def test_a_higher_tier_opens_what_a_lower_one_does(noon, shop, tier, may) -> None:
    plans = {t: shop.plan(tier=t) for t in (1, 2, 3)}
    content_id = build.work(shop.house.sql, shop.creator, plan_ids=[plans[2]])
    subscription_id = shop.pay(plans[tier])
    answer = check(shop, content_id=content_id).data
    if may:
        assert answer == allowed("subscription", shop.status(subscription_id)["current_period_end"])
    else:
        assert answer == NOTHING | {"required_plan_ids": [plans[2], plans[3]]}


def test_a_plan_of_selected_works_opens_those_only(shop) -> None:
    chosen, other = (build.work(shop.house.sql, shop.creator) for _ in range(2))
    shop.pay(shop.plan(content_scope="selected", content_ids=[chosen]))
    assert check(shop, content_id=chosen).data["reason"] == "subscription"
    assert check(shop, content_id=other).data["allowed"] is False


def test_a_trial_opens_and_says_so(noon, shop) -> None:
    shop.subscribe(shop.plan(trial_days=7))
    shop.project()
    content_id = build.work(shop.house.sql, shop.creator)
    assert check(shop, content_id=content_id).data == allowed("trial", "2026-03-17T04:00:00Z")


def test_a_paid_work_opens_by_purchase_and_not_by_subscription(shop) -> None:
    content_id = build.work(shop.house.sql, shop.creator, "paid")
    shop.pay(shop.plan())
    assert check(shop, content_id=content_id).data == NOTHING | {"price": 990}
    shop.hear(build.paid("C1", content_id, shop.customer, kind="content", seller_id=shop.creator))
    assert check(shop, content_id=content_id).data == allowed("purchase")


def test_a_pending_subscription_opens_nothing(shop) -> None:
    plan_id = shop.plan()
    shop.bought(plan_id)
    assert check(shop, plan_id=plan_id).data == NOTHING | {"required_plan_ids": [plan_id], "price": 3000}
    assert check(shop, creator_id=shop.creator).data == NOTHING | {"required_plan_ids": [plan_id]}


def test_a_plan_is_open_through_itself_or_a_higher_tier(noon, shop) -> None:
    low, same, high = shop.plan(tier=1), shop.plan(tier=2), shop.plan(tier=3)
    held = shop.plan(tier=2)
    until = shop.status(shop.pay(held))["current_period_end"]
    assert check(shop, plan_id=held).data == allowed("subscription", until)
    assert check(shop, plan_id=low).data == allowed("subscription", until)
    assert check(shop, plan_id=same).data["allowed"] is False
    assert check(shop, plan_id=high).data["allowed"] is False
    assert check(shop, creator_id=shop.creator).data == allowed("subscription", until)
    assert check(shop, shop.creator_token, plan_id=low).data == allowed("owner")
    assert check(shop, shop.creator_token, creator_id=shop.creator).data == allowed("owner")


def test_a_file_is_open_to_its_owner_to_all_when_public_and_through_the_works_it_is_in(noon, shop) -> None:
    plan_id = shop.plan()
    content_id = build.work(shop.house.sql, shop.creator)
    inside = build.file(shop.house.sql, shop.creator, content_id)
    loose = build.file(shop.house.sql, shop.creator)
    public = build.file(shop.house.sql, shop.creator, visibility="public")
    assert check(shop, shop.creator_token, media_id=inside).data == allowed("owner")
    assert check(shop, media_id=public).data == allowed("free")
    staff = shop.sign_in(build.person(shop.house.sql), permissions=("media:read",))
    assert check(shop, staff, media_id=loose).data == allowed("granted")
    assert check(shop, media_id=loose).data == NOTHING
    assert check(shop, media_id=inside).data == NOTHING | {"required_plan_ids": [plan_id]}
    until = shop.status(shop.pay(plan_id))["current_period_end"]
    assert check(shop, media_id=inside).data == allowed("subscription", until)
    assert check(shop, media_id=loose).data == NOTHING


def test_permissions_list_what_running_subscriptions_give(noon, shop) -> None:
    free_member: dict[str, object] = {"level": "free", "expires_at": None, "permissions": []}
    assert shop.api.get("/subscriptions/permissions", token=shop.token).data == {"items": [], "membership": free_member}
    plan_id = shop.plan(tier=2, permissions=["downloads"], benefits='["Q&A"]')
    subscription_id = shop.pay(plan_id)
    shop.bought(build.plan(shop.house.sql, build.person(shop.house.sql)))
    held = shop.api.get("/subscriptions/permissions", token=shop.token).data
    assert held == {
        "items": [
            {
                "subscription_id": subscription_id,
                "plan_id": plan_id,
                "creator_id": shop.creator,
                "tier": 2,
                "permissions": ["downloads"],
                "benefits": ["Q&A"],
                "valid_until": "2026-04-10T04:00:00Z",
            }
        ],
        "membership": free_member,
    }
    with clock.frozen(noon + build.days(31)):
        token = shop.sign_in(shop.customer)
        assert shop.api.get("/subscriptions/permissions", token=token).data["items"] == []


@pytest.mark.parametrize("thing", ["content_id", "plan_id", "creator_id"])
def test_a_warm_question_is_one_read(shop, thing) -> None:
    of = {"content_id": build.work(shop.house.sql, shop.creator), "plan_id": shop.plan(), "creator_id": shop.creator}
    check(shop, **{thing: of[thing]})
    read: list[str] = []
    for item in (EntitlementItem, SessionItem):
        told = item._get_connection().connection.client.meta.events
        told.register("before-call.dynamodb", lambda model, **_: read.append(model.name))
    check(shop, **{thing: of[thing]})
    assert read == ["BatchGetItem"]


def test_looking_at_rights_keeps_to_its_statement_budget(shop) -> None:
    plan_id = shop.plan()
    content_id = build.work(shop.house.sql, shop.creator)
    media_id = build.file(shop.house.sql, shop.creator, content_id)

    def cost(**thing):
        return statements(shop.house, "subscriptions", lambda: check(shop, **thing))

    asked = ({"content_id": content_id}, {"media_id": media_id}, {"plan_id": plan_id}, {"creator_id": shop.creator})
    assert [cost(**thing) for thing in asked] == [0, 0, 0, 0], "what stands before it is remembered for half a minute"
    shop.pay(plan_id)
    assert check(shop, content_id=content_id).data["allowed"], "what is held never is"
    assert [cost(**thing) for thing in asked] == [0, 0, 0, 0]
    permissions = lambda: shop.api.get("/subscriptions/permissions", token=shop.token)  # noqa: E731 - a thing to count
    assert statements(shop.house, "subscriptions", permissions) == 1
