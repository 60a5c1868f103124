"""Accounts opened, changed and deleted by operators: who may, what is audited, what sessions do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from functions.identity import users_desk
from functions.identity.store import sessions
from shared import passwords
from tests.fixtures.api import Api, Handler, SignIn, open_session
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD
from tests.identity.desk import MANAGER, OPS, ROOT, audited, office, person

ANN = 200001


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(house: House, sign_in: SignIn) -> str:
    person(house.sql, OPS, "operator")
    return sign_in(OPS, permissions=MANAGER)


@pytest.fixture
def root(house: House, sign_in: SignIn) -> str:
    person(house.sql, ROOT, "root")
    office(house.sql, ROOT, "super_admin")
    return sign_in(ROOT, permissions=("*",))


@pytest.fixture
def ann(house: House) -> int:
    return person(house.sql, ANN, "ann", email="ann@example.com", phone_number="+8613800138000", is_verified=True)


# Opening


def test_an_operator_opens_an_account_its_owner_can_sign_in_to(desk, token, house: House) -> None:
    body = {"email": "New@Example.com", "phone": "+8613900139000", "password": PASSWORD, "username": "newcomer"}
    reply = desk.post("/admin/users", body | {"membership_level": "basic", "is_virtual": True}, token=token)
    assert reply.status == 201
    made = reply.data
    assert (made["username"], made["email"], made["phone"]) == ("newcomer", "n***@example.com", "+86139****9000")
    assert (made["status"], made["is_active"], made["roles"], made["membership_level"]) == (
        "active",
        True,
        ["user"],
        "basic",
    )
    [(stored, consents, verified, is_virtual)] = house.sql(
        """
        SELECT c.password_hash, (SELECT count(*) FROM identity.user_consents k WHERE k.uid = u.uid), u.is_verified, u.is_virtual
        FROM identity.users u JOIN identity.user_auth c ON c.uid = u.uid WHERE u.email = 'new@example.com'
        """
    )
    assert passwords.matches(stored, PASSWORD)
    assert (consents, verified, is_virtual) == (0, False, True), "nobody consented or proved anything yet"
    [fact] = house.facts("identity.user_registered.v1")
    assert fact["uid"] == made["user_id"]
    [record] = audited(house, "user_create")
    assert (record["before"], record["after"]["user_id"], record["after"]["username"]) == (None, made["user_id"], "newcomer")
    assert PASSWORD not in str(record)
    assert "new@example.com" not in str(record)


def test_an_account_may_be_opened_without_a_password_and_then_has_none(desk, token, house: House) -> None:
    uid = desk.post("/admin/users", {"email": "a@example.com"}, token=token).data["user_id"]
    assert house.sql("SELECT password_hash FROM identity.user_auth WHERE uid = %s", (uid,)) == [(None,)]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"email": "ANN@example.com"}, (409, "email_taken")),
        ({"phone": "+8613800138000"}, (409, "phone_taken")),
        ({"username": "ann"}, (409, "username_taken")),
        ({"username": "free", "password": "password1"}, (422, "weak_password")),
        ({"display_name": "Nobody"}, (422, "validation_error")),
        ({"email": "not an address"}, (422, "validation_error")),
        ({"username": "free", "unknown": 1}, (422, "validation_error")),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_leaves_nothing(desk, token, ann, house: House, body, error) -> None:
    before = house.sql("SELECT count(*) FROM identity.users")
    assert desk.post("/admin/users", body, token=token).error == error
    assert house.sql("SELECT count(*) FROM identity.users") == before
    assert house.facts() == []


@pytest.mark.parametrize("role", ["creator", "support", "super_admin"])
def test_roles_are_given_by_those_who_may_write_roles_only(desk, token, house: House, role: str) -> None:
    body = {"username": "newcomer", "roles": ["user", role]}
    assert desk.post("/admin/users", body, token=token).error == (403, "role_not_grantable")
    assert house.sql("SELECT 1 FROM identity.users WHERE username = 'newcomer'") == []


def test_nobody_gives_a_role_with_rights_they_lack(desk, house: House, sign_in: SignIn) -> None:
    person(house.sql, OPS, "operator")
    some = sign_in(OPS, permissions=(*MANAGER, "role:write", "report:read", "support:*", "*:read"))
    assert desk.post("/admin/users", {"username": "helper", "roles": ["support"]}, token=some).data["roles"] == [
        "user",
        "support",
    ]
    assert desk.post("/admin/users", {"username": "money", "roles": ["finance_manager"]}, token=some).error == (
        403, "role_not_grantable",
    )  # fmt: skip
    everything = sign_in(
        OPS, permissions=("admin:*", "role:*", "user:*", *(f"{d}:*" for d in ("content", "comment", "media")))
    )
    assert desk.post("/admin/users", {"username": "boss", "roles": ["admin"]}, token=everything).error == (
        403, "role_not_grantable",
    )  # fmt: skip


def test_a_super_admin_opens_offices_and_creators(desk, root, house: House) -> None:
    made = desk.post("/admin/users", {"username": "boss", "roles": ["admin", "creator"]}, token=root).data
    assert made["roles"] == ["creator", "user", "admin"]
    assert house.sql("SELECT is_creator FROM identity.user_profiles WHERE uid = %s", (made["user_id"],)) == [(True,)]
    assert len(house.facts("identity.creator_approved.v1")) == 1


@pytest.mark.parametrize("roles", [["support", "observer"], ["nobody_knows_it"], ["Not A Role"]])
def test_roles_that_cannot_be_held_are_refused(desk, root, roles) -> None:
    assert desk.post("/admin/users", {"username": "x_y_z", "roles": roles}, token=root).error == (422, "validation_error")


# Changing


def test_a_change_is_stored_shown_and_audited_with_what_was_before(desk, token, ann, house: House) -> None:
    ends = datetime(2027, 5, 1, tzinfo=UTC)
    body = {
        "membership_level": "premium",
        "membership_expires_at": ends.isoformat(),
        "display_name": "安",
        "email": "b@example.com",
    }
    changed = desk.put(f"/admin/users/{ANN}", body, token=token).data
    assert (changed["membership_level"], changed["display_name"], changed["email"]) == ("premium", "安", "b***@example.com")
    assert changed["phone"] == "+86138****8000"
    [(verified, phone)] = house.sql("SELECT is_verified, phone_number FROM identity.users WHERE uid = %s", (ANN,))
    assert (verified, phone) == (False, "+8613800138000"), "a new address is unproved"
    [record] = audited(house, "user_update")
    assert record["before"] == {
        "membership_level": "free", "membership_expires_at": None, "display_name": "Ann", "email": "a***@example.com"
    }  # fmt: skip
    assert record["after"]["membership_level"] == "premium"
    cleared = desk.put(f"/admin/users/{ANN}", {"membership_expires_at": None}, token=token).data
    assert (cleared["membership_level"], cleared["membership_expires_at"]) == ("premium", None)


def test_what_is_left_out_or_null_stays(desk, token, ann, house: House) -> None:
    before = house.sql(
        "SELECT email, phone_number, membership_level, is_active, status FROM identity.users WHERE uid = %s", (ANN,)
    )
    desk.put(f"/admin/users/{ANN}", {"email": None, "is_active": None}, token=token)
    desk.put(f"/admin/users/{ANN}", {}, token=token)
    after = house.sql(
        "SELECT email, phone_number, membership_level, is_active, status FROM identity.users WHERE uid = %s", (ANN,)
    )
    assert after == before


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"email": "BOB@example.com"}, (409, "email_taken")),
        ({"phone": "+8613900139000"}, (409, "phone_taken")),
        ({"roles": ["creator"]}, (403, "permission_denied")),
        ({"membership_level": "gold"}, (422, "validation_error")),
        ({"status": "banned"}, (422, "validation_error")),
    ],
)
def test_a_change_that_cannot_be_is_refused(desk, token, ann, house: House, body, error) -> None:
    person(house.sql, 200002, "bob", email="bob@example.com", phone_number="+8613900139000")
    assert desk.put(f"/admin/users/{ANN}", body, token=token).error == error
    assert house.sql("SELECT email FROM identity.users WHERE uid = %s", (ANN,)) == [("ann@example.com",)]


def test_an_account_made_inactive_is_signed_out_and_its_tokens_are_void(desk, token, ann, house: House) -> None:
    open_session(ANN)
    open_session(ANN)
    changed = desk.put(f"/admin/users/{ANN}", {"is_active": False}, token=token).data
    assert (changed["is_active"], changed["status"]) == (False, "inactive")
    assert sessions.all_of(ANN) == []
    assert house.sql("SELECT token_epoch FROM identity.user_auth WHERE uid = %s", (ANN,)) == [(2,)]
    back = desk.put(f"/admin/users/{ANN}", {"is_active": True}, token=token).data
    assert (back["is_active"], back["status"]) == (True, "active")


def test_sessions_survive_a_change_that_does_not_concern_them(desk, token, ann) -> None:
    open_session(ANN)
    desk.put(f"/admin/users/{ANN}", {"membership_level": "basic", "is_active": True}, token=token)
    assert len(sessions.all_of(ANN)) == 1


@pytest.mark.parametrize("status", ["banned", "pending_deletion"])
def test_a_ban_or_a_deletion_under_way_outlives_the_switch(desk, token, ann, house: House, status: str) -> None:
    house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, ANN))
    assert desk.put(f"/admin/users/{ANN}", {"is_active": False}, token=token).data["status"] == status
    assert desk.put(f"/admin/users/{ANN}", {"is_active": True}, token=token).data["status"] == status


def test_roles_given_and_taken_reach_live_sessions(desk, root, ann, house: House) -> None:
    open_session(ANN)
    assert desk.put(f"/admin/users/{ANN}", {"roles": ["creator"]}, token=root).data["roles"] == ["creator", "user"]
    assert [list(item.roles) for item in sessions.all_of(ANN)] == [["creator", "user"]]
    assert desk.put(f"/admin/users/{ANN}", {"roles": []}, token=root).data["roles"] == ["user"]
    assert [list(item.roles) for item in sessions.all_of(ANN)] == [["user"]]
    [given, taken] = audited(house, "user_update")
    assert (given["before"]["roles"], given["after"]["roles"]) == (["user"], ["creator", "user"])
    assert (taken["before"]["roles"], taken["after"]["roles"]) == (["creator", "user"], ["user"])


def test_an_office_taken_ends_its_staff_sessions(desk, root, ann, house: House) -> None:
    office(house.sql, ANN, "support")
    open_session(ANN, permissions=("support:read",))
    open_session(ANN)
    assert desk.put(f"/admin/users/{ANN}", {"roles": ["user"]}, token=root).data["roles"] == ["user"]
    assert [item.kind for item in sessions.all_of(ANN)] == ["user"]
    assert house.sql("SELECT is_active FROM admin.admins WHERE user_id = %s", (ANN,)) == [(False,)]
    assert desk.put(f"/admin/users/{ANN}", {"roles": ["observer"]}, token=root).data["roles"] == ["user", "observer"]


@pytest.mark.parametrize(
    "body", [{"email": "mine@example.com"}, {"is_active": False}, {"roles": ["user"]}, {"display_name": "x"}]
)
def test_operators_accounts_are_changed_by_those_who_manage_operators_only(desk, token, ann, house: House, body) -> None:
    office(house.sql, ANN, "super_admin")
    reply = desk.put(f"/admin/users/{ANN}", body, token=token)
    assert reply.error == (403, "permission_denied")
    assert house.sql("SELECT email, is_active FROM identity.users WHERE uid = %s", (ANN,)) == [("ann@example.com", True)]


@pytest.mark.parametrize("body", [{"is_active": False}, {"roles": ["observer"]}, {"roles": []}])
def test_the_last_super_admin_stays(desk, root, ann, house: House, body) -> None:
    assert desk.put(f"/admin/users/{ROOT}", body, token=root).error == (409, "last_super_admin")
    office(house.sql, ANN, "super_admin")
    assert desk.put(f"/admin/users/{ROOT}", body, token=root).status == 200


# Deleting


def test_a_deleted_account_is_gone_at_once_and_erased_after_the_grace_period(desk, token, ann, house: House) -> None:
    open_session(ANN)
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "fraud"}, token=token).data == {"deleted": True}
    assert sessions.all_of(ANN) == []
    [(status, deleted_at)] = house.sql("SELECT status, deleted_at FROM identity.users WHERE uid = %s", (ANN,))
    assert status == "deleted"
    [(request, due)] = house.sql("SELECT request_id, delete_at FROM identity.deletion_requests WHERE uid = %s", (ANN,))
    assert due - deleted_at == timedelta(days=15)
    [fact] = house.facts("identity.deletion_requested.v1")
    assert (fact["request_id"], fact["uid"]) == (request, ANN)
    [record] = audited(house, "user_delete")
    assert record["before"] == [{"user_id": ANN, "status": "active"}]
    assert record["reason"] == "fraud"
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "again"}, token=token).error == (404, "user_not_found")


def test_deleting_needs_a_reason_and_the_right(desk, token, ann, sign_in: SignIn) -> None:
    assert desk.delete(f"/admin/users/{ANN}", token=token).error == (422, "validation_error")
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": ""}, token=token).error == (422, "validation_error")
    writer = sign_in(OPS, permissions=("user:read", "user:write"))
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "x"}, token=writer).error == (403, "permission_denied")
    assert desk.delete("/admin/users/999999", query={"reason": "x"}, token=token).error == (404, "user_not_found")


def test_operators_cannot_be_deleted(desk, root, ann, house: House) -> None:
    office(house.sql, ANN, "support")
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "x"}, token=root).error == (403, "cannot_delete_staff")


@pytest.mark.parametrize(
    ("account", "balance"),
    [
        ("creator:{}:available", 5),
        ("creator:{}:pending", 5),
        ("creator:{}:frozen", 5),
        ("creator:{}:available", -5),
        ("buyer:{}:balance", 5),
    ],
)
def test_nobody_is_deleted_while_money_is_owed_either_way(desk, token, ann, house: House, account, balance) -> None:
    house.sql(
        "INSERT INTO finance.ledger_accounts (name, kind, currency, may_go_negative, balance, created_at) VALUES (%s, 'owner', 'CNY', true, %s, now())",
        (account.format(ANN), balance),
    )
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "x"}, token=token).error == (409, "balance_not_zero")
    assert house.sql("SELECT status FROM identity.users WHERE uid = %s", (ANN,)) == [("active",)]


def test_a_deletion_its_owner_asked_for_keeps_its_date(desk, token, ann, house: House) -> None:
    house.sql("UPDATE identity.users SET status = 'pending_deletion' WHERE uid = %s", (ANN,))
    house.sql(
        """
        INSERT INTO identity.deletion_requests (request_id, uid, status, delete_at, created_at, updated_at)
        VALUES ('own', %s, 'waiting', now(), now(), now())
        """,
        (ANN,),
    )
    assert desk.delete(f"/admin/users/{ANN}", query={"reason": "x"}, token=token).status == 200
    assert house.sql("SELECT request_id FROM identity.deletion_requests WHERE uid = %s", (ANN,)) == [("own",)]
    assert house.facts("identity.deletion_requested.v1") == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/admin/users", {"username": "newcomer"}),
        ("PUT", f"/admin/users/{ANN}", {"display_name": "x"}),
        ("DELETE", f"/admin/users/{ANN}", None),
        ("POST", "/admin/users/batch-create", {"items": [{"username": "newcomer"}]}),
        ("POST", "/admin/users/batch-delete", {"ids": [ANN], "reason": "x"}),
        ("POST", "/admin/users/batch-update", {"ids": [ANN], "set": {"is_active": False}}),
    ],
)
def test_nothing_is_changed_without_the_right(desk, ann, house: House, sign_in: SignIn, method, path, body) -> None:
    call = {"query": {"reason": "x"}} if method == "DELETE" else {"json_body": body}
    assert desk.call(method, path, **call).error == (401, "unauthenticated")
    assert desk.call(method, path, token=sign_in(ANN, roles=("creator",)), **call).error == (403, "permission_denied")
    assert desk.call(method, path, token=sign_in(ANN, permissions=("user:read",)), **call).error == (
        403,
        "permission_denied",
    )
    assert house.sql("SELECT username, status FROM identity.users") == [("ann", "active")]
