"""The user desk's lists and the account with everything: filters, search, masking, one round trip."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from functions.identity import users_desk
from functions.identity.store.desk import USERS
from tests.fixtures.api import Api, Handler, SignIn
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House
from tests.identity.desk import MANAGER, OPS, office, person

READS = ("/admin/users", "/admin/users/list", "/admin/users/statistics", "/admin/users/anomalies", "/admin/users/200001")


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(house: House, sign_in: SignIn) -> str:
    person(house.sql, OPS, "operator")
    return sign_in(OPS, permissions=MANAGER)


def names(reply) -> list[str]:
    return [item["username"] for item in reply.data["items"]]


@pytest.fixture
def people(house: House) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        (200001, "zhang_wei", "张伟的小店", "zhang.wei@example.com", "+8613800138000", "active", "free"),
        (200002, "li_na", "李娜·摄影", "lina@sharestack.cn", "+8613900139000", "active", "premium"),
        (200003, "wang", "ＷＡＮＧ ５５", "wang@example.com", None, "inactive", "free"),
        (200004, "zoe_100%", "Zoe ababa", "a_b@example.com", "+447700900123", "banned", "basic"),
        (200005, "gone", "走了", "gone@example.com", None, "deleted", "free"),
    ]
    for number, (uid, username, name, email, phone, status, level) in enumerate(rows):
        person(house.sql, uid, username, email=email, phone_number=phone, status=status, membership_level=level,
               created_at=start + timedelta(days=number))  # fmt: skip
        house.sql(
            "UPDATE identity.authors a SET name = %s FROM identity.users u WHERE u.id = a.user_id AND u.uid = %s",
            (name, uid),
        )
    house.sql("INSERT INTO identity.user_roles (uid, role, granted_at) VALUES (200002, 'creator', now())")
    office(house.sql, 200003, "support")


@pytest.mark.parametrize("path", READS)
def test_reading_needs_a_staff_session_with_the_permission(desk: Api, house: House, sign_in: SignIn, path: str) -> None:
    person(house.sql, 200001, "zhang")
    assert desk.get(path).error == (401, "unauthenticated")
    assert desk.get(path, token=sign_in(200001, roles=("creator",))).error == (403, "permission_denied")
    assert desk.get(path, token=sign_in(200001, permissions=("content:read",))).error == (403, "permission_denied")
    assert desk.get(path, token=sign_in(200001, permissions=("*:read",))).status == 200


def test_the_list_shows_accounts_newest_first_without_deleted_ones_and_masks_what_reaches_people(
    desk, token, people
) -> None:
    items = {item["username"]: item for item in desk.get("/admin/users", token=token, query={"role": "user"}).data["items"]}
    assert list(items) == ["operator", "zoe_100%", "wang", "li_na", "zhang_wei"]
    shown = items["zhang_wei"]
    assert (shown["email"], shown["phone"]) == ("z***@example.com", "+86138****8000")
    assert shown["roles"] == ["user"]
    assert items["li_na"]["roles"] == ["creator", "user"]
    assert items["wang"]["roles"] == ["user", "support"]
    assert set(shown) == {
        "user_id", "username", "display_name", "email", "phone", "status", "is_active", "roles", "membership_level",
        "membership_expires_at", "last_login_at", "created_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("张伟", ["zhang_wei"]),
        ("伟的小", ["zhang_wei"]),
        ("娜", ["li_na"]),
        ("伟张", []),
        ("ZHANG", ["zhang_wei"]),
        ("hang_w", ["zhang_wei"]),
        ("abab", ["zoe_100%"]),
        ("babab", []),
        ("wang 55", ["wang"]),
        ("100%", ["zoe_100%"]),
        ("%", ["zoe_100%"]),
        ("zhang.w", ["zhang_wei"]),
        ("lina@", ["li_na"]),
        ("a_b@", ["zoe_100%"]),
        ("axb@", []),
        ("example.com", []),
        ("138001", ["zhang_wei"]),
        ("+86139", ["li_na"]),
        ("+4477", ["zoe_100%"]),
        ("200002", ["li_na"]),
        ("20000", []),
        ("gone", []),
        ("走了", []),
    ],
)
def test_search_finds_parts_of_names_and_beginnings_of_addresses_and_numbers(desk, token, people, search, found) -> None:
    assert names(desk.get("/admin/users", token=token, query={"search": search})) == found


def test_search_follows_a_changed_name_and_username(desk, token, people, house: House) -> None:
    house.sql("UPDATE identity.users SET username = 'renamed' WHERE uid = 200001")
    house.sql(
        "UPDATE identity.authors a SET name = '改名了' FROM identity.users u WHERE u.id = a.user_id AND u.uid = 200001"
    )
    assert names(desk.get("/admin/users", token=token, query={"search": "张伟"})) == []
    assert names(desk.get("/admin/users", token=token, query={"search": "改名"})) == ["renamed"]
    assert names(desk.get("/admin/users", token=token, query={"search": "zhang_w"})) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "inactive"}, ["wang"]),
        ({"status": "banned"}, ["zoe_100%"]),
        ({"membership_level": "premium"}, ["li_na"]),
        ({"role": "creator"}, ["li_na"]),
        ({"role": "support"}, ["wang"]),
        ({"role": "support", "status": "active"}, []),
        ({"search": "zhang", "membership_level": "premium"}, []),
        ({"search": "   ", "role": "creator"}, ["li_na"]),
        ({"sort_by": "username", "sort_order": "asc", "size": 2}, ["li_na", "operator"]),
        ({"sort_by": "user_id", "sort_order": "asc", "page_size": 2}, ["operator", "zhang_wei"]),
    ],
)
def test_filters_and_sorts_narrow_and_order_the_list(desk, token, people, query, found) -> None:
    assert names(desk.get("/admin/users", token=token, query=query)) == found


@pytest.mark.parametrize(
    "query",
    [
        {"size": 0},
        {"size": 101},
        {"page_size": 101},
        {"sort_by": "email"},
        {"status": "deleted"},
        {"role": "Ü"},
        {"search": "x" * 101},
    ],
)
def test_a_query_the_list_does_not_know_is_refused(desk, token, query) -> None:
    assert desk.get("/admin/users", token=token, query=query).error == (422, "validation_error")


def test_size_and_page_size_are_one_thing_and_twenty_are_usual(desk, token, house: House) -> None:
    for number in range(25):
        person(house.sql, 300000 + number, f"many{number:02}")
    assert len(names(desk.get("/admin/users", token=token))) == 20
    assert len(names(desk.get("/admin/users", token=token, query={"size": 7}))) == 7
    assert len(names(desk.get("/admin/users", token=token, query={"page_size": 6, "size": 7}))) == 6


def test_a_cursor_walks_the_whole_list_once(desk, token, people) -> None:
    seen, cursor = [], None
    while True:
        reply = desk.get("/admin/users", token=token, query={"size": 2} | ({"cursor": cursor} if cursor else {}))
        assert reply.data["total"] == 5
        seen += names(reply)
        cursor = reply.data["next_cursor"]
        if cursor is None:
            break
    assert seen == ["operator", "zoe_100%", "wang", "li_na", "zhang_wei"]


def test_the_list_with_statistics_counts_what_there_is(desk, token, people) -> None:
    data = desk.get("/admin/users/list", token=token, query={"status": "banned"}).data
    assert [item["username"] for item in data["items"]] == ["zoe_100%"]
    assert data["statistics"] == {"total": 5, "active": 3, "banned": 1, "new_today": 1}


@pytest.mark.parametrize("path", ["/admin/users", "/admin/users/list", "/admin/users/200002"])
def test_reading_costs_one_statement_however_many_rows(desk, token, people, house: House, path: str) -> None:
    query = {"search": "zhang"} if path == "/admin/users" else {}
    assert statements(house, "identity", lambda: desk.get(path, token=token, query=query)) == 1


def test_search_uses_its_indexes(house: House) -> None:
    house.sql(
        """
        INSERT INTO identity.users (username, email, phone_number)
        SELECT 'bulk' || n, 'bulk' || n || '@example.com', '+86138' || lpad(n::text, 8, '0') FROM generate_series(1, 20000) n
        """
    )
    house.sql(
        """
        INSERT INTO identity.authors (user_id, username, username_raw, name, invitation_id_owned)
        SELECT id, username, username, '用户' || username, username FROM identity.users WHERE username LIKE 'bulk%'
        """
    )
    house.sql("ANALYZE identity.users, identity.authors, identity.user_search")
    condition = USERS.filters["search"].replace("%(search)s", "'138000012'")
    plan = json.dumps(house.sql(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM identity.users u WHERE {condition}"))
    for index in ("user_search_runs", "users_email", "users_phone_beginning", "users_uid"):
        assert index in plan, plan


def test_an_account_is_shown_with_all_that_belongs_to_it(desk, token, people, house: House) -> None:
    house.sql(
        """
        INSERT INTO identity.user_devices (device_id, uid, device_type, push_token, first_seen_at, last_seen_at)
        VALUES ('phone-1', 200002, 'iOS', 'secret', now(), now())
        """
    )
    house.sql(
        """
        INSERT INTO identity.user_verifications (uid, kind, status, real_name, real_name_masked, id_type, id_number,
            id_number_masked, id_number_hash, submitted_at)
        VALUES (200002, 'identity', 'pending', 'x', '李*', 'id_card', 'x', '110***********002X', 'h', now())
        """
    )
    house.sql(
        """
        INSERT INTO moderation.user_ban_records (uid, operator_id, ban_reason, ban_method, ban_duration_type, ban_start_time)
        VALUES (200002, 99001, 'spam', 'account', 'permanent', now())
        """
    )
    house.sql(
        """
        WITH plan AS (
            INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, currency, interval, trial_days,
                benefits, permissions, content_scope, content_ids, status, created_at, updated_at)
            VALUES (200001, 'Gold', 1, 990, 'CNY', 'month', 0, '[]', '{}', 'all', '{}', 'active', now(), now()) RETURNING plan_id
        )
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            created_at, updated_at)
        SELECT 200002, 200001, plan_id, 1, 990, 'cancelled', false, now(), now() FROM plan
        """
    )
    for number in range(3):
        house.sql(
            """
            INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
                payable_amount, currency, price_lines, status, expires_at, created_at, updated_at)
            VALUES (%s, 200002, 'content', 1, 200001, 't', 100, 0, 100, 'CNY', '[]', 'pending', now(), now(), now())
            """,
            (f"ORDER{number:08}",),
        )
    data = desk.get("/admin/users/200002", token=token).data
    assert (data["email"], data["phone"]) == ("l***@sharestack.cn", "+86139****9000")
    assert data["profile"]["is_virtual"] is False
    assert [(one["plan_name"], one["status"]) for one in data["subscriptions"]] == [("Gold", "cancelled")]
    assert data["orders_total"] == 3
    assert [(one["device_id"], "push_token" in one) for one in data["devices"]] == [("phone-1", False)]
    assert [(one["ban_reason"], one["ban_method"], one["status"]) for one in data["ban_records"]] == [
        ("spam", "account", "active")
    ]
    [record] = data["verification"]["records"]
    assert (record["real_name_masked"], record["id_number_masked"]) == ("李*", "110***********002X")
    assert "secret" not in json.dumps(data)


@pytest.mark.parametrize("uid", [0, 999999, 2**62])
def test_an_account_nobody_has_is_not_found(desk, token, uid) -> None:
    assert desk.get(f"/admin/users/{uid}", token=token).error == (404, "user_not_found")
    assert desk.get(f"/admin/users/{uid}/logs", token=token).error == (404, "user_not_found")


def test_a_deleted_account_is_not_found_but_its_logs_are(desk, token, people) -> None:
    assert desk.get("/admin/users/200005", token=token).error == (404, "user_not_found")
    assert desk.get("/admin/users/200005/logs", token=token).data["items"] == []
