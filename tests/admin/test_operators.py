"""ADM-034 to ADM-037: who is staff, until when, and by whose leave."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.admin import end_expired_grants
from functions.identity.store.accounts import find_person
from shared import clock, passwords
from tests.admin.conftest import OTHER, ROOT, Staff, last_record
from tests.fixtures.api import Api
from tests.fixtures.postgres import House

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
FIELDS = {
    "admin_id", "user_id", "email", "role", "permissions", "department", "is_active", "expires_at", "permissions_expire_at",
}  # fmt: skip
TOLD = "admin.staff_changed.v1"


@pytest.fixture
def personnel(people: Staff) -> str:
    """Someone who may make operators, and holds what support holds."""
    people.role("personnel", "admin:*", "support:*", "user:read", "report:read", "cms:read", "monitoring:read")
    people.appoint(100010, "personnel")
    return people.token(100010)


def test_a_user_becomes_staff(staff_api: Api, root: str, people: Staff, house: House) -> None:
    people.user(100020)
    body = {"user_id": 100020, "role": "support", "permissions": ["user:ban"], "department": "Night"}
    reply = staff_api.post("/admin/admins", body, token=root)
    assert reply.status == 201
    assert set(reply.data) == FIELDS
    assert (reply.data["user_id"], reply.data["email"], reply.data["role"], reply.data["department"]) == (
        100020, "u***@example.com", "support", "Night"
    )  # fmt: skip
    assert {"support:read", "user:ban"} <= set(reply.data["permissions"])
    assert (reply.data["is_active"], reply.data["expires_at"]) == (True, None)
    operation, kind, admin_id, details = last_record(house)
    assert (operation, kind, admin_id) == ("admin.create", "admin", reply.data["admin_id"])
    assert (details["before"], details["user_id"], details["after"]["role"]) == (None, 100020, "support")
    assert details["after"]["own_password"] is False
    assert [fact["uid"] for fact in house.facts(TOLD)] == [100020]
    assert house.sql("SELECT created_by FROM admin.admins WHERE user_id = 100020") == house.sql(
        "SELECT id FROM admin.admins WHERE user_id = %s", (ROOT,)
    )
    assert staff_api.post("/admin/admins", body, token=root).error == (409, "already_staff")


def test_a_staff_password_is_hashed_and_held_to_the_rules(staff_api: Api, root: str, people: Staff, house: House) -> None:
    people.user(100020)
    body = {"user_id": 100020, "role": "support"}
    weak = staff_api.post("/admin/admins", body | {"password": "password1"}, token=root)
    assert weak.error == (422, "weak_password")
    secret = "  quiet lantern 47 "
    assert staff_api.post("/admin/admins", body | {"password": secret}, token=root).status == 201
    [(stored,)] = house.sql("SELECT staff_password_hash FROM admin.admins WHERE user_id = 100020")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(stored, secret)
    assert last_record(house)[3]["after"]["own_password"] is True
    assert secret not in str(last_record(house))


def test_only_an_active_user_becomes_staff_and_only_with_a_role_there_is(
    staff_api: Api, root: str, people: Staff, house: House
) -> None:
    people.user(100020)
    assert staff_api.post("/admin/admins", {"user_id": 100020, "role": "nobody"}, token=root).error == (
        404,
        "role_not_found",
    )
    unknown = {"user_id": 100020, "role": "support", "permissions": ["user:fly"]}
    assert staff_api.post("/admin/admins", unknown, token=root).error == (422, "permission_unknown")
    for status in ("banned", "inactive", "pending_deletion", "deleted"):
        house.sql("UPDATE identity.users SET status = %s WHERE uid = 100020", (status,))
        body = {"user_id": 100020, "role": "support"}
        assert staff_api.post("/admin/admins", body, token=root).error == (404, "user_not_found"), status
    assert staff_api.post("/admin/admins", {"user_id": 999999, "role": "support"}, token=root).error == (
        404,
        "user_not_found",
    )


def test_nobody_grants_what_they_lack(staff_api: Api, personnel: str, people: Staff) -> None:
    people.user(100020)
    for role in ("super_admin", "admin", "finance_manager", "observer"):
        refused = staff_api.post("/admin/admins", {"user_id": 100020, "role": role}, token=personnel)
        assert refused.error == (403, "role_not_grantable"), role
    extra = {"user_id": 100020, "role": "support", "permissions": ["user:ban"]}
    refused = staff_api.post("/admin/admins", extra, token=personnel)
    assert (refused.error, refused.json["details"]) == ((403, "role_not_grantable"), {"permissions": ["user:ban"]})
    made = staff_api.post("/admin/admins", {"user_id": 100020, "role": "support"}, token=personnel)
    assert made.status == 201
    path = f"/admin/admins/{made.data['admin_id']}"
    for change in ({"role": "admin"}, {"role": "observer"}, {"permissions": ["user:ban"]}):
        assert staff_api.put(path, change, token=personnel).error == (403, "role_not_grantable"), change
    assert staff_api.put(path, {"permissions": ["support:manage"]}, token=personnel).status == 200


def test_the_two_highest_roles_are_touched_by_a_super_admin_only(
    staff_api: Api, personnel: str, root: str, people: Staff
) -> None:
    admin_id = people.appoint(100020, "admin")
    for change in ({"is_active": False}, {"department": "x"}, {"role": "support"}):
        assert staff_api.put(f"/admin/admins/{admin_id}", change, token=personnel).error == (403, "role_not_grantable")
    assert staff_api.delete(f"/admin/admins/{admin_id}", token=personnel).error == (403, "role_not_grantable")
    assert staff_api.put(f"/admin/admins/{admin_id}", {"role": "support"}, token=root).status == 200


def test_reactivating_and_prolonging_are_grants_and_taking_away_is_none(
    staff_api: Api, personnel: str, people: Staff, house: House
) -> None:
    admin_id = people.appoint(100020, "finance_manager", permissions=("user:ban",))
    path = f"/admin/admins/{admin_id}"
    assert staff_api.put(path, {"is_active": False}, token=personnel).status == 200
    assert staff_api.put(path, {"is_active": True}, token=personnel).error == (403, "role_not_grantable")
    house.sql(
        "UPDATE admin.admins SET is_active = true, expires_at = %s WHERE id = %s",
        (clock.now() + timedelta(days=1), admin_id),
    )
    later = (clock.now() + timedelta(days=2)).isoformat()
    assert staff_api.put(path, {"expires_at": later}, token=personnel).error == (403, "role_not_grantable")
    assert staff_api.put(path, {"expires_at": None}, token=personnel).error == (403, "role_not_grantable")
    sooner = (clock.now() + timedelta(hours=1)).isoformat()
    assert staff_api.put(path, {"expires_at": sooner, "permissions": []}, token=personnel).status == 200


def test_what_is_not_sent_stays_and_the_record_says_what_changed(
    staff_api: Api, root: str, people: Staff, house: House
) -> None:
    admin_id = people.appoint(100020, "support", permissions=("user:ban",), department="Night")
    reply = staff_api.put(f"/admin/admins/{admin_id}", {"role": "user_manager"}, token=root)
    assert (reply.data["role"], reply.data["department"]) == ("user_manager", "Night")
    operation, _, target, details = last_record(house)
    assert (operation, target) == ("admin.change", admin_id)
    assert (details["before"]["role"], details["after"]["role"]) == ("support", "user_manager")
    assert details["before"]["permissions"] == details["after"]["permissions"] == ["user:ban"]
    assert [fact["uid"] for fact in house.facts(TOLD)] == [100020]
    assert staff_api.put(f"/admin/admins/{admin_id}", {"department": None}, token=root).data["department"] is None
    assert staff_api.put("/admin/admins/999999", {"department": "x"}, token=root).error == (404, "admin_not_found")


def test_staff_rights_are_removed_and_may_be_given_again_under_the_same_id(
    staff_api: Api, root: str, people: Staff, house: House
) -> None:
    people.role("night_watch", "log:read")
    admin_id = people.appoint(100020, "night_watch", staff_password_hash="$argon2id$old")
    assert staff_api.delete(f"/admin/admins/{admin_id}", token=root).data == {"deleted": True}
    operation, _, target, details = last_record(house)
    assert (operation, target, details["before"]["role"], details["after"]) == (
        "admin.remove",
        admin_id,
        "night_watch",
        None,
    )
    assert [fact["uid"] for fact in house.facts(TOLD)] == [100020]
    assert staff_api.delete(f"/admin/admins/{admin_id}", token=root).error == (404, "admin_not_found")
    assert staff_api.put(f"/admin/admins/{admin_id}", {}, token=root).error == (404, "admin_not_found")
    assert house.sql("SELECT staff_password_hash, role FROM admin.admins WHERE id = %s", (admin_id,)) == [(None, None)]
    assert [one["user_id"] for one in staff_api.get("/admin/admins", token=root).data["items"]] == [ROOT]
    with house.acting("identity") as db:
        assert getattr(find_person(db, 100020), "staff", None) is None
    again = staff_api.post("/admin/admins", {"user_id": 100020, "role": "support"}, token=root)
    assert (again.status, again.data["admin_id"], again.data["role"]) == (201, admin_id, "support")


def test_nobody_removes_themselves_and_the_last_super_admin_stays(
    staff_api: Api, root: str, people: Staff, house: House
) -> None:
    [(own,)] = house.sql("SELECT id FROM admin.admins WHERE user_id = %s", (ROOT,))
    assert staff_api.delete(f"/admin/admins/{own}", token=root).error == (403, "cannot_remove_self")
    soon = (clock.now() + timedelta(days=1)).isoformat()
    for change in ({"role": "admin"}, {"is_active": False}, {"expires_at": soon}):
        assert staff_api.put(f"/admin/admins/{own}", change, token=root).error == (409, "last_super_admin"), change
    assert staff_api.put(f"/admin/admins/{own}", {"department": "Board"}, token=root).status == 200
    people.appoint(OTHER, "super_admin", expires_at=clock.now() + timedelta(days=30))
    assert staff_api.put(f"/admin/admins/{own}", {"role": "admin"}, token=root).error == (409, "last_super_admin"), "it ends"
    house.sql("UPDATE admin.admins SET expires_at = NULL WHERE user_id = %s", (OTHER,))
    house.sql("UPDATE identity.users SET status = 'banned' WHERE uid = %s", (OTHER,))
    assert staff_api.put(f"/admin/admins/{own}", {"role": "admin"}, token=root).error == (409, "last_super_admin"), "banned"
    house.sql("UPDATE identity.users SET status = 'active' WHERE uid = %s", (OTHER,))
    assert staff_api.put(f"/admin/admins/{own}", {"role": "admin"}, token=root).status == 200
    other = people.token(OTHER)
    [(last,)] = house.sql("SELECT id FROM admin.admins WHERE user_id = %s", (OTHER,))
    assert staff_api.put(f"/admin/admins/{last}", {"is_active": False}, token=other).error == (409, "last_super_admin")


def test_staff_accounts_are_listed_by_role_department_and_state(staff_api: Api, root: str, people: Staff) -> None:
    people.appoint(100020, "support", department="Night")
    people.appoint(100021, "support", department="Day", is_active=False)
    people.appoint(100022, "observer", expires_at=clock.now() - timedelta(hours=1))

    def found(**query: Any) -> set[int]:
        data = staff_api.get("/admin/admins", token=root, query=query).data
        assert all(set(item) == FIELDS for item in data["items"])
        assert data["total"] == len(data["items"])
        return {item["user_id"] for item in data["items"]}

    assert found() == {ROOT, 100020, 100021, 100022}
    assert found(role="support") == {100020, 100021}
    assert found(role="support", department="Day") == {100021}
    assert found(is_active="true") == {ROOT, 100020}
    assert found(is_active="false") == {100021, 100022}
    assert staff_api.get("/admin/admins", token=root, query={"sort_by": "email"}).error == (422, "validation_error")
    first = staff_api.get("/admin/admins", token=root, query={"page_size": 3, "sort_by": "admin_id"}).data
    rest = staff_api.get(
        "/admin/admins", token=root, query={"page_size": 3, "sort_by": "admin_id", "cursor": first["next_cursor"]}
    ).data
    assert {item["user_id"] for item in first["items"] + rest["items"]} == found()


@pytest.mark.parametrize("ending", ["2020-01-01T00:00:00Z", "yesterday"])
@pytest.mark.parametrize("field", ["expires_at", "permissions_expire_at"])
def test_an_end_must_be_a_time_to_come(staff_api: Api, root: str, people: Staff, field: str, ending: str) -> None:
    admin_id = people.appoint(100020, "support")
    assert staff_api.put(f"/admin/admins/{admin_id}", {field: ending}, token=root).error == (422, "validation_error")


def held(house: House, uid: int) -> tuple[bool, set[str]]:
    """What sign-in would give: whether the account counts, and its permissions."""
    with house.acting("identity") as db:
        person = find_person(db, uid)
    assert person
    assert person.staff
    assert ("support" in person.roles) == person.staff.is_active
    return person.staff.is_active, set(person.staff.permissions)


def test_what_has_expired_gives_nothing_from_that_moment_and_the_sessions_hear_of_it_once(
    staff_api: Api, root: str, people: Staff, house: House
) -> None:
    with clock.frozen(NOW):
        people.user(100020)
        body = {
            "user_id": 100020, "role": "support", "permissions": ["user:ban"],
            "permissions_expire_at": (NOW + timedelta(hours=1)).isoformat(), "expires_at": "2027-03-01T14:00:00",
        }  # fmt: skip
        made = staff_api.post("/admin/admins", body, token=people.token(ROOT)).data
        assert made["expires_at"] == "2027-03-01T14:00:00Z"
        assert "user:ban" in made["permissions"]

    def sweep() -> int:
        with house.acting("admin"):
            return int(end_expired_grants.handler({}, None)["done"])

    def told() -> int:
        return len(house.facts(TOLD))

    before = told()
    with clock.frozen(NOW + timedelta(hours=1) - timedelta(microseconds=1)):
        assert "user:ban" in held(house, 100020)[1]
        assert (sweep(), told()) == (0, before)
    with clock.frozen(NOW + timedelta(hours=1)):
        active, permissions = held(house, 100020)
        assert active
        assert "user:ban" not in permissions
        assert "support:read" in permissions
        assert (sweep(), told()) == (1, before + 1)
        assert (sweep(), told()) == (0, before + 1)
    with clock.frozen(NOW + timedelta(hours=2)):
        assert held(house, 100020)[0] is False
        assert (sweep(), told()) == (1, before + 2)
        token = people.token(ROOT)
        [shown] = staff_api.get("/admin/admins", token=token, query={"role": "support"}).data["items"]
        assert (shown["is_active"], "user:ban" in shown["permissions"]) == (False, False)
        path = f"/admin/admins/{made['admin_id']}"
        assert staff_api.put(path, {"expires_at": None}, token=token).data["is_active"] is True
        assert held(house, 100020)[0] is True


def test_staff_accounts_need_their_permissions(staff_api: Api, people: Staff) -> None:
    people.appoint(100005, "observer")
    token = people.token(100005)
    assert staff_api.get("/admin/admins", token=token).status == 200
    body = {"user_id": 100005, "role": "support"}
    assert staff_api.post("/admin/admins", body, token=token).error == (403, "permission_denied")
    assert staff_api.delete("/admin/admins/1", token=token).error == (403, "permission_denied")
