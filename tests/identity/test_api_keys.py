"""Making, listing and revoking API keys, and what they open."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from jose import jwt

from functions.identity import api_keys
from functions.identity.service import sessions
from infra.openapi import document
from shared import api_keys as edge
from shared import aws, clock
from shared.api_keys import SCOPES, KeyUseItem, digest, scope_for
from shared.dynamo.sessions import SessionItem, session_key, user_key
from tests.boundaries.door import Door
from tests.contract.contract import rows
from tests.fixtures.api import Api, Handler
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House
from tests.identity import key_door
from tests.identity.conftest import PASSWORD, log_in, registration
from tests.identity.key_door import Holder, body, elsewhere

Make = Callable[..., Holder]


@pytest.fixture
def desk(api: Callable[[Handler, str], Api], keys: None) -> Api:
    """Where keys are made."""
    return api(api_keys.handler, "identity")


@pytest.fixture
def door(api: Callable[[Handler, str], Api], keys: None) -> Api:
    """Where they are used."""
    elsewhere()
    return api(key_door.handler, "platform")


@pytest.fixture
def person(auth_api: Api) -> dict[str, Any]:
    """Ann, signed in."""
    pair: dict[str, Any] = auth_api.post("/auth/register", registration()).data
    return pair


@pytest.fixture
def make(desk: Api, door: Api, person: dict[str, Any]) -> Make:
    """Make a key of Ann's: `make("read", "write")`."""
    return lambda *scopes, **fields: Holder(
        door, desk.post("/api-keys", body(*scopes, **fields), token=person["access_token"]).data["key"]
    )


def uid_of(person: dict[str, Any]) -> int:
    return int(person["user"]["user_id"])


def item_of(key: str) -> SessionItem:
    claims = jwt.get_unverified_claims(key)
    return SessionItem.get(user_key(int(claims["sub"])), session_key(claims["jti"]))


def test_a_key_is_shown_once_and_only_its_hash_is_kept(desk: Api, person: dict[str, Any], house: House) -> None:
    token = person["access_token"]
    made = desk.post("/api-keys", body("write", "read", "read"), token=token)
    assert made.status == 201
    new = made.data
    assert set(new) == {"key_id", "name", "prefix", "scopes", "last_used_at", "expires_at", "key"}
    assert (new["name"], new["scopes"], new["last_used_at"]) == ("ci", ["read", "write"], None)
    assert new["key"].startswith(new["prefix"])
    listed = desk.get("/api-keys", token=token)
    assert listed.data == {"items": [{name: value for name, value in new.items() if name != "key"}]}
    assert new["key"] not in listed.text
    [row] = house.sql("SELECT k.*, k::text FROM identity.api_keys k")
    assert new["key"] not in row[-1]
    assert digest(new["key"]) in row
    item = item_of(new["key"]).to_simple_dict()
    assert item["key_hash"] == digest(new["key"])
    assert new["key"] not in str(item)
    assert item["permissions"] == []


def test_a_key_is_a_signed_token_that_says_what_it_is(make: Make, person: dict[str, Any]) -> None:
    claims = jwt.get_unverified_claims(make("trade", "read").key)
    assert set(claims) == {"iss", "sub", "typ", "jti", "scopes", "iat", "exp"}
    assert (claims["typ"], claims["scopes"], claims["sub"]) == ("api_key", ["read", "trade"], str(uid_of(person)))
    assert claims["exp"] - claims["iat"] == timedelta(days=365).total_seconds()


def test_prefixes_tell_keys_apart(desk: Api, person: dict[str, Any]) -> None:
    token = person["access_token"]
    assert len({desk.post("/api-keys", body(), token=token).data["prefix"] for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("read",), {"read"}),
        (("write",), {"write"}),
        (("ai",), {"ai"}),
        (("trade",), {"trade"}),
        (("read", "trade"), {"read", "trade"}),
        (SCOPES, set(SCOPES)),
    ],
)
def test_a_key_opens_what_its_scopes_say_and_nothing_else(make: Make, scopes: tuple[str, ...], allowed: set[str]) -> None:
    holder = make(*scopes)
    tried = {
        "read": holder.get("/things"),
        "write": holder.post("/things"),
        "ai": holder.post("/ai/messages"),
        "trade": holder.get("/trading/orders"),
    }
    for scope, reply in tried.items():
        if scope in allowed:
            assert reply.data["kind"] == "api_key"
        else:
            assert reply.error == (403, "permission_denied")
            assert reply.json["details"] == {"scope": scope}


def test_no_key_passes_where_a_person_or_an_operator_is_asked_for(
    make: Make, desk: Api, person: dict[str, Any], house: House
) -> None:
    holder = make(*SCOPES)
    assert holder.post("/users/merge").error == (403, "permission_denied")
    assert holder.post("/users/merge").json["details"] == {"scope": None}
    house.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, 'super_admin')", (uid_of(person),))
    assert holder.get("/admin/things").error == (403, "permission_denied")
    sent = {"x-api-key": holder.key}
    tried: list[tuple[str, str, Any]] = [("GET", "", None), ("POST", "", body(*SCOPES)), ("DELETE", "/1", None)]
    for method, path, told in tried:
        refused = desk.call(method, f"/api-keys{path}", json_body=told, headers=sent)
        assert refused.error == (403, "permission_denied"), "a key makes no keys"


def test_a_key_lacks_whatever_its_item_says_it_may_as_staff(make: Make) -> None:
    holder = make("read")
    item_of(holder.key).update([SessionItem.permissions.set(["*"])])
    elsewhere()
    assert holder.get("/admin/things").error == (403, "permission_denied")


def test_every_route_that_proves_or_ends_an_account_is_closed_to_keys() -> None:
    sensitive = [
        row
        for row in rows().values()
        if row.auth in {"user", "creator"} and re.search(r"password|(^|[ ,])code:str|id_number|totp|purpose=", row.request)
    ]
    assert len(sensitive) >= 8
    open_ = {row.id for row in sensitive if scope_for(row.method, row.path) is not None}
    assert open_ == {"SUB-019", "SUB-020", "SUB-021", "TRD-002"}, "coupon codes and program code prove nobody"
    for path in (
        "/users/sessions",
        "/users/export-data",
        "/withdrawals/request",
        "/api-keys",
        "/api-keys/5",
        "/auth/logout",
    ):
        assert scope_for("POST", f"/api/v1{path}") is None
    assert scope_for("GET", "/api/v1/users/deleted-things") == "read", "a prefix is whole segments"


def test_no_served_route_of_staff_or_of_persons_takes_a_key(make: Make, house: House) -> None:
    holder, door, walked = make(*SCOPES), Door(house), 0
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            takes_keys = any("api_key" in way for way in operation.get("security", []))
            if operation["x-auth"] in {"public", "signature"} or takes_keys:
                continue
            address = re.sub(r"\{\w+\}", "1", path.removeprefix("/api/v1"))
            told: dict[str, str] | None = {} if method in {"post", "put", "patch"} else None
            refused = door.call(method.upper(), address, json_body=told, headers={"x-api-key": holder.key})
            assert refused.error == (403, "permission_denied"), f"{method} {path}"
            walked += 1
    assert walked > 40


def test_the_document_names_the_scope_of_each_route() -> None:
    paths = document()["paths"]
    assert paths["/api/v1/jobs"]["get"]["security"] == [{"bearer": []}, {"api_key": ["read"]}]
    assert paths["/api/v1/contents/create"]["post"]["security"] == [{"bearer": []}, {"api_key": ["write"]}]
    assert paths["/api/v1/api-keys"]["post"]["security"] == [{"bearer": []}]
    assert paths["/api/v1/admin/i18n/messages/{locale}"]["put"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/api/v1/health"]["get"]
    assert document()["components"]["securitySchemes"]["api_key"]["name"] == "X-API-Key"


def test_a_creators_key_publishes_and_follows_the_role(make: Make, person: dict[str, Any], house: House) -> None:
    holder = make("write")
    assert holder.post("/creators").error == (403, "creator_required")
    item_of(holder.key).update([SessionItem.roles.set(["user", "creator"])])
    assert holder.post("/creators").data["kind"] == "api_key"


def test_on_a_public_route_a_key_is_a_viewer_and_a_dead_one_nobody(make: Make, person: dict[str, Any]) -> None:
    assert make("read").get("/open").data["uid"] == uid_of(person)
    unfit = make("ai").get("/open")
    assert (unfit.data["uid"], unfit.headers["www-authenticate"]) == (None, 'Bearer error="permission_denied"')
    broken = make("read")
    broken.key += "x"
    assert broken.get("/open").data["uid"] is None


def test_a_token_and_a_key_at_once_are_refused(make: Make, person: dict[str, Any]) -> None:
    holder = make("read")
    both = holder.get(authorization=f"Bearer {person['access_token']}")
    assert both.error == (401, "unauthenticated")
    assert both.json["details"] == {"reason": "two_credentials"}
    assert holder.get("/open", authorization="Bearer x").data["uid"] is None
    assert holder.get(authorization="").status == 200


def test_a_revoked_key_opens_nothing_and_is_listed_no_more(
    desk: Api, door: Api, make: Make, person: dict[str, Any], house: House
) -> None:
    token, holder, other = person["access_token"], make("read"), make("read")
    key_id = min(item["key_id"] for item in desk.get("/api-keys", token=token).data["items"])
    assert holder.get().status == 200
    assert desk.delete(f"/api-keys/{key_id}", token=token).data == {"deleted": True}
    assert holder.get().error == (401, "token_revoked"), "at once in the environment that revoked it"
    elsewhere()
    assert holder.get().error == (401, "token_revoked")
    assert other.get().status == 200
    assert [item["key_id"] for item in desk.get("/api-keys", token=token).data["items"]] == [key_id + 1]
    assert desk.delete(f"/api-keys/{key_id}", token=token).error == (404, "key_not_found")
    assert house.sql("SELECT count(*) FROM identity.api_keys WHERE revoked_at IS NULL") == [(1,)]


def test_somebody_elses_key_is_not_there(desk: Api, make: Make, person: dict[str, Any], auth_api: Api) -> None:
    holder = make("read")
    bob = auth_api.post("/auth/register", registration(email="bob@example.com")).data["access_token"]
    [mine] = desk.get("/api-keys", token=person["access_token"]).data["items"]
    assert desk.get("/api-keys", token=bob).data == {"items": []}
    assert desk.delete(f"/api-keys/{mine['key_id']}", token=bob).error == (404, "key_not_found")
    assert desk.delete(f"/api-keys/{2**63}", token=bob).status in {404, 422}
    assert holder.get().status == 200


def test_an_expired_key_says_so(make: Make, desk: Api, person: dict[str, Any], house: House) -> None:
    ends = clock.now() + timedelta(minutes=5)
    holder = make("read", expires_at=ends.isoformat())
    assert holder.get().status == 200
    with clock.frozen(ends - timedelta(seconds=2)):
        elsewhere()
        assert holder.get().status == 200
    for _ in range(2):
        with clock.frozen(ends):
            assert holder.get().error == (401, "token_expired")
            elsewhere()
    item_of(holder.key).delete()  # as DynamoDB does, some time after the end
    with clock.frozen(ends):
        assert holder.get().error == (401, "token_expired")


@pytest.mark.parametrize(
    "ahead", [timedelta(0), timedelta(days=-1), timedelta(seconds=30), timedelta(days=365, minutes=1), timedelta(days=9999)]
)
def test_a_key_ends_within_a_year_and_not_at_once(desk: Api, person: dict[str, Any], ahead: timedelta) -> None:
    token = person["access_token"]
    wanted = body(expires_at=(clock.now() + ahead).isoformat())
    refused = desk.post("/api-keys", wanted, token=token)
    assert refused.error == (422, "validation_error")
    assert refused.json["details"][0]["message"] == "must lie at least a minute and at most a year ahead"
    assert desk.post("/api-keys", body(expires_at="2999-01-01T00:00:00"), token=token).status == 422


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (body("read", "admin"), "scope_unknown"),
        (body("READ"), "scope_unknown"),
        ({"name": "ci", "scopes": []}, "validation_error"),
        ({"scopes": ["read"]}, "validation_error"),
        (body(name=""), "validation_error"),
        (body(name="x" * 101), "validation_error"),
        (body(permissions=["*"]), "validation_error"),
    ],
)
def test_what_is_no_key_is_refused(desk: Api, person: dict[str, Any], told: dict[str, Any], error: str) -> None:
    refused = desk.post("/api-keys", told, token=person["access_token"])
    assert refused.error == (422, error)
    assert desk.post("/api-keys", told, token=person["access_token"], headers={"accept-language": "zh-CN"}).json["message"]


def test_nobody_has_no_keys(desk: Api) -> None:
    assert desk.get("/api-keys").error == (401, "unauthenticated")
    assert desk.post("/api-keys", body()).error == (401, "unauthenticated")
    assert desk.delete("/api-keys/1").error == (401, "unauthenticated")


def test_twenty_keys_are_enough_and_those_that_ended_do_not_count(desk: Api, person: dict[str, Any], house: House) -> None:
    token = person["access_token"]
    made = [desk.post("/api-keys", body(name=f"k{number}"), token=token).data for number in range(20)]
    full = desk.post("/api-keys", body(), token=token)
    assert full.error == (409, "too_many_keys")
    assert full.json["details"] == {"max": 20}
    assert desk.delete(f"/api-keys/{made[0]['key_id']}", token=token).status == 200
    assert desk.post("/api-keys", body(), token=token).status == 201
    assert desk.post("/api-keys", body(), token=token).error == (409, "too_many_keys")
    sessions.revoke(uid_of(person), jwt.get_unverified_claims(made[1]["key"])["jti"])
    assert desk.post("/api-keys", body(), token=token).status == 201, "one ended with the sessions"


def test_use_is_noted_every_five_minutes_whoever_notes_it(make: Make, desk: Api, person: dict[str, Any]) -> None:
    token, holder = person["access_token"], make("read", "write")
    uid = uid_of(person)
    jti = jwt.get_unverified_claims(holder.key)["jti"]
    start = clock.now()

    def used_at() -> datetime | None:
        found = desk.get("/api-keys", token=token).data["items"][0]["last_used_at"]
        return None if found is None else datetime.fromisoformat(found)

    def use(seconds: int) -> datetime:
        with clock.frozen(start + timedelta(seconds=seconds)):
            holder.get()
        at = used_at()
        assert at is not None
        return at

    assert used_at() is None
    first = use(0)
    assert first == start.replace(microsecond=0)
    KeyUseItem.get(f"KU#{uid}", jti).delete()
    holder.get()
    assert used_at() is None, "nothing is written within five minutes"
    elsewhere()
    assert use(0) == first
    elsewhere()
    assert use(290) == first, "another environment does not write more often"
    elsewhere()
    assert use(301) - first in {timedelta(seconds=301), timedelta(seconds=302)}
    assert KeyUseItem.get(f"KU#{uid}", jti).ttl == jwt.get_unverified_claims(holder.key)["exp"]


def test_a_use_that_cannot_be_noted_does_not_fail_the_request(make: Make) -> None:
    holder = make("read")
    assert holder.get().status == 200
    aws.client("dynamodb").delete_table(TableName="sharestack-test-ops")
    edge.forget_keys()
    assert holder.get().status == 200, "its rate limit is leased"


def test_a_ban_reaches_the_keys_and_its_end_too(make: Make, person: dict[str, Any]) -> None:
    holder = make("read")
    sessions.ban(uid_of(person), None)
    elsewhere()
    assert holder.get().error == (403, "account_banned")
    sessions.lift_ban(uid_of(person))
    elsewhere()
    assert holder.get().status == 200


def test_leaving_everywhere_ends_the_keys(make: Make, desk: Api, auth_api: Api, person: dict[str, Any]) -> None:
    token, holder = person["access_token"], make("read")
    assert auth_api.post("/auth/logout", {"all": True}, token=token).data == {"revoked": 2}
    elsewhere()
    assert holder.get().error == (401, "token_revoked")
    again = log_in(auth_api).data["access_token"]
    assert desk.get("/api-keys", token=again).data == {"items": []}


def test_a_changed_password_keeps_the_keys_and_a_reset_one_ends_them(
    make: Make, auth_api: Api, person: dict[str, Any], code_for: Callable[..., str]
) -> None:
    holder = make("read")
    told = {"old_password": PASSWORD, "new_password": "another horse 2"}
    assert auth_api.post("/auth/change-password", told, token=person["access_token"]).status == 200
    elsewhere()
    assert holder.get().status == 200
    told = {
        "account": "ann@example.com",
        "code": code_for("ann@example.com", "reset_password"),
        "new_password": "a third horse 3",
    }
    assert auth_api.post("/auth/reset-password", told).status == 200
    elsewhere()
    assert holder.get().error == (401, "token_revoked")


def test_a_session_that_ended_elsewhere_leaves_no_key(desk: Api, person: dict[str, Any], house: House) -> None:
    token = person["access_token"]
    assert desk.get("/api-keys", token=token).status == 200, "this environment knows the session for half a minute"
    SessionItem.get(user_key(uid_of(person)), session_key(person["session_id"])).delete()
    assert desk.post("/api-keys", body(), token=token).error == (401, "token_revoked")
    assert house.sql("SELECT count(*) FROM identity.api_keys") == [(0,)]


def test_keys_are_no_sessions(make: Make, house: House, person: dict[str, Any]) -> None:
    make("read")
    listed = Door(house).call("GET", "/users/sessions", token=person["access_token"]).data
    assert [item["session_id"] for item in listed["items"]] == [person["session_id"]]


def test_the_database_is_asked_once_to_list_and_twice_to_make_or_revoke(
    desk: Api, person: dict[str, Any], house: House
) -> None:
    token = person["access_token"]
    assert statements(house, "identity", lambda: desk.get("/api-keys", token=token)) == 1
    assert statements(house, "identity", lambda: desk.post("/api-keys", body(), token=token)) == 2
    ids = iter([item["key_id"] for item in desk.get("/api-keys", token=token).data["items"]])
    assert statements(house, "identity", lambda: desk.delete(f"/api-keys/{next(ids)}", token=token)) == 1


def test_a_key_is_read_once_in_half_a_minute(make: Make) -> None:
    holder = make("read")
    assert holder.get().status == 200
    aws.client("dynamodb").delete_table(TableName="sharestack-test-identity")
    assert holder.get().status == 200
