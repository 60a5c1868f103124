"""ADM-030 to ADM-033: the catalogue, the matrix, and who may change what a role holds."""

import re
from pathlib import Path
from typing import Any

import pytest

from functions.admin.models import covers, points, unknown
from tests.admin.conftest import ROOT, Staff, last_record
from tests.fixtures.api import Api
from tests.fixtures.postgres import House

RULES = (Path(__file__).parents[1] / "contract" / "data" / "rules.md").read_text()
SECTION = RULES.split("## 2. Roles and permissions")[1].split("## 3. ")[0]
CATALOGUE = ["a:read", "a:write", "b:read", "b:write", "c:stop"]


def _catalogue_of_the_rules() -> dict[str, list[str]]:
    line = SECTION.split("Permission catalogue (category: points):\n")[1].split("\n")[0]
    return {
        category.strip(): names.strip().rstrip(".").split()
        for category, names in (entry.split(":") for entry in line.split(" · "))
    }


@pytest.fixture
def keeper(people: Staff) -> str:
    """Someone who may change roles, but holds little else."""
    people.role("keeper", "role:*", "user:read", "content:*", "analytics:read")
    people.appoint(100010, "keeper")
    return people.token(100010)


def test_the_catalogue_is_the_rules_in_both_languages(admin_api: Api, root: str) -> None:
    for language, shape in (("en", "[A-Z]"), ("zh-CN", "[\u4e00-\u9fff]")):
        data = admin_api.get("/admin/permissions", token=root, headers={"accept-language": language}).data
        found: dict[str, list[str]] = {}
        for one in data["permissions"]:
            assert set(one) == {"permission", "category", "description"}
            assert re.match(shape, one["description"])
            found.setdefault(one["category"], []).append(one["permission"].partition(":")[2])
            assert one["permission"].startswith(one["category"] + ":")
        assert found == _catalogue_of_the_rules()
    assert len(found) == 38


def test_the_matrix_counts_the_operators_of_each_role(admin_api: Api, root: str, people: Staff) -> None:
    for uid in (100020, 100021):
        people.appoint(uid, "support")
    people.role("night_watch", "log:read")
    roles = {role["role"]: role for role in admin_api.get("/admin/permissions", token=root).data["roles"]}
    assert set(roles["support"]) == {"role", "permissions", "builtin", "admins"}
    assert (roles["support"]["admins"], roles["super_admin"]["admins"], roles["observer"]["admins"]) == (2, 1, 0)
    assert roles["super_admin"]["permissions"] == ["*"]
    assert [roles[name]["builtin"] for name in ("support", "night_watch")] == [True, False]
    assert len([role for role in roles.values() if role["builtin"]]) == 10


def test_a_role_gets_other_permissions_and_its_operators_sessions_hear_of_it(
    admin_api: Api, root: str, house: House
) -> None:
    before = next(r for r in admin_api.get("/admin/permissions", token=root).data["roles"] if r["role"] == "support")
    wanted = ["support:*", "*:read", "user:read", "user:read"]
    reply = admin_api.put("/admin/permissions/support", {"permissions": wanted}, token=root)
    assert reply.data == {"role": "support", "permissions": ["support:*", "*:read", "user:read"]}
    assert last_record(house) == (
        "role.set_permissions", "role", None,
        {"role": "support", "before": {"permissions": before["permissions"]}, "after": {"permissions": reply.data["permissions"]}},
    )  # fmt: skip
    assert [fact["role"] for fact in house.facts("admin.role_changed.v1")] == ["support"]
    again = admin_api.put("/admin/permissions/support", {"permissions": reply.data["permissions"]}, token=root)
    assert again.status == 200
    assert len(house.facts("admin.role_changed.v1")) == 1, "nothing changed, nobody has to follow"


@pytest.mark.parametrize("wanted", ["nothing:read", "user:fly", "user", "*:write", "nothing:*", "*", "user:*:read", ""])
def test_a_permission_must_exist(admin_api: Api, root: str, wanted: str) -> None:
    body = {"permissions": ["user:read", wanted]}
    refused = [
        admin_api.put("/admin/permissions/support", body, token=root),
        admin_api.post("/admin/roles", body | {"role": "new_role"}, token=root),
    ]
    assert {reply.error for reply in refused} == {(422, "permission_unknown" if wanted else "validation_error")}
    if wanted:
        assert refused[0].json["details"] == {"permissions": [wanted]}


def test_super_admin_is_fixed_and_builtin_roles_stay(admin_api: Api, root: str) -> None:
    assert admin_api.put("/admin/permissions/super_admin", {"permissions": []}, token=root).error == (409, "role_protected")
    assert admin_api.put("/admin/permissions/nobody", {"permissions": []}, token=root).error == (404, "role_not_found")
    for builtin in ("super_admin", "observer"):
        assert admin_api.delete(f"/admin/roles/{builtin}", token=root).error == (409, "role_protected")
    assert admin_api.delete("/admin/roles/nobody", token=root).error == (404, "role_not_found")


def test_a_custom_role_lives_until_nobody_holds_it_and_it_is_deleted(
    admin_api: Api, root: str, people: Staff, house: House
) -> None:
    body = {"role": "night_watch", "description": "Looks at night", "permissions": ["log:read", "monitoring:*"]}
    reply = admin_api.post("/admin/roles", body, token=root)
    assert (reply.status, reply.data) == (
        201, {"role": "night_watch", "permissions": ["log:read", "monitoring:*"], "builtin": False}
    )  # fmt: skip
    assert last_record(house)[0::3] == (
        "role.create",
        {"role": "night_watch", "before": None, "after": {k: body[k] for k in ("description", "permissions")}},
    )
    assert admin_api.post("/admin/roles", body, token=root).error == (409, "role_exists")
    admin_id = people.appoint(100020, "night_watch", is_active=False)
    refused = admin_api.delete("/admin/roles/night_watch", token=root)
    assert (refused.error, refused.json["details"]) == ((409, "role_in_use"), {"admins": 1})
    house.sql("UPDATE admin.admins SET role = 'support' WHERE id = %s", (admin_id,))
    assert admin_api.delete("/admin/roles/night_watch", token=root).data == {"deleted": True}
    assert last_record(house)[0::3] == (
        "role.delete", {"role": "night_watch", "before": {"permissions": body["permissions"]}, "after": None}
    )  # fmt: skip
    assert admin_api.delete("/admin/roles/night_watch", token=root).error == (404, "role_not_found")


@pytest.mark.parametrize("name", ["user", "creator", "support"])
def test_a_role_may_not_be_called_like_one_there_is(admin_api: Api, root: str, name: str) -> None:
    body = {"role": name, "permissions": []}
    assert admin_api.post("/admin/roles", body, token=root).error == (409, "role_exists")


@pytest.mark.parametrize("name", ["", "Night", "night-watch", "night1", "a" * 51])
def test_a_role_has_a_name_in_small_letters(admin_api: Api, root: str, name: str) -> None:
    assert admin_api.post("/admin/roles", {"role": name, "permissions": []}, token=root).error == (422, "validation_error")


def test_nobody_gives_a_role_what_they_lack(admin_api: Api, keeper: str, people: Staff) -> None:
    refused = admin_api.put("/admin/permissions/support", {"permissions": ["user:read", "user:ban"]}, token=keeper)
    assert refused.error == (403, "role_not_grantable")
    assert refused.json["details"] == {"permissions": ["user:ban"]}
    for permissions in (["finance:approve"], ["*:read"], ["user:*"]):
        body = {"role": "mine", "permissions": permissions}
        assert admin_api.post("/admin/roles", body, token=keeper).error == (403, "role_not_grantable"), permissions
    assert admin_api.post("/admin/roles", {"role": "mine", "permissions": ["content:*"]}, token=keeper).status == 201
    kept = ["support:read", "support:write", "user:read", "report:read", "cms:read", "monitoring:read"]
    assert admin_api.put("/admin/permissions/support", {"permissions": kept[:3]}, token=keeper).status == 200, (
        "less is no grant"
    )


def test_the_admin_role_is_changed_by_a_super_admin_only(admin_api: Api, keeper: str, root: str) -> None:
    body = {"permissions": ["user:read"]}
    assert admin_api.put("/admin/permissions/admin", body, token=keeper).error == (403, "role_not_grantable")
    assert admin_api.put("/admin/permissions/admin", body, token=root).status == 200


def test_what_a_session_remembers_is_not_enough_to_hand_rights_on(
    admin_api: Api, root: str, people: Staff, house: House
) -> None:
    people.appoint(100030, "super_admin")
    token = people.token(100030)
    house.sql("UPDATE admin.admins SET role = 'observer' WHERE user_id = 100030")
    body = {"role": "mine", "permissions": ["user:ban"]}
    assert admin_api.post("/admin/roles", body, token=token).error == (403, "role_not_grantable")
    house.sql("UPDATE admin.admins SET is_active = false WHERE user_id = 100030")
    assert admin_api.post("/admin/roles", body, token=token).error == (403, "permission_denied")
    assert ROOT != 100030


@pytest.mark.parametrize(
    ("held", "wanted", "may"),
    [
        (["*"], ["*"], True),
        (["*:read", "a:*", "b:*", "c:*"], ["*"], False),
        (["a:read", "a:write"], ["a:*"], True),
        (["a:read"], ["a:*"], False),
        (["a:read", "b:read"], ["*:read"], True),
        (["a:read"], ["*:read"], False),
        (["*:read"], ["a:read", "b:read"], True),
        ([], [], True),
    ],
)
def test_holding_covers_granting(held: list[str], wanted: list[str], may: bool) -> None:
    assert covers(held, wanted, CATALOGUE) is may


def test_wildcards_amount_to_points() -> None:
    assert points(["a:*", "*:read"], CATALOGUE) == {"a:read", "a:write", "b:read"}
    assert points(["*"], CATALOGUE) == set(CATALOGUE)
    assert unknown(["a:*", "*:read", "a:read", "d:*", "*:write", "*"], CATALOGUE) == ["d:*", "*:write", "*"]


def test_roles_need_their_permissions(admin_api: Api, people: Staff) -> None:
    people.appoint(100005, "observer")
    token: Any = people.token(100005)
    assert admin_api.get("/admin/permissions", token=token).status == 200
    assert admin_api.post("/admin/roles", {"role": "x", "permissions": []}, token=token).error == (403, "permission_denied")
    assert admin_api.delete("/admin/roles/x", token=token).error == (403, "permission_denied")
