"""Facts of administration reach the live sessions of operators."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from jose import jwt

from events.admin import RoleChanged, StaffChanged
from functions.identity import on_role_changed, on_staff_changed
from functions.identity.store import sessions as store
from shared import caller
from shared.ids import new_ulid
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, Operator, log_in

Appoint = Callable[..., Operator]
AT = datetime(2027, 1, 1, tzinfo=UTC)
QUEUE = "/admin/verifications"


def hear(house: House, handler: Any, fact: StaffChanged | RoleChanged, *, times: int = 1) -> None:
    record = {"messageId": "1", "body": json.dumps({"detail": fact.model_dump(mode="json")})}
    for _ in range(times):
        with house.acting("identity"):
            assert handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    caller.forget_sessions()


def staff_changed(house: House, uid: int, **options: Any) -> None:
    fact = StaffChanged(event_id=new_ulid(), occurred_at=AT, uid=uid, changed_at=AT)
    hear(house, on_staff_changed.handler, fact, **options)


@pytest.fixture
def pair(auth_api: Api, operator: Appoint) -> dict[str, Any]:
    """The session of a supporter, who may not review verifications."""
    ops = operator("support")
    data: dict[str, Any] = auth_api.post("/admin/auth/login", ops.body()).data
    return data | {"ops": ops}


def refreshed(auth_api: Api, pair: dict[str, Any]) -> Any:
    return auth_api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})


def test_a_new_role_reaches_the_live_session_and_its_next_token(
    auth_api: Api, api_of_self: Api, pair: dict[str, Any], house: House
) -> None:
    assert api_of_self.get(QUEUE, token=pair["access_token"]).error == (403, "permission_denied")
    house.sql("UPDATE admin.admins SET role = 'user_manager'")
    staff_changed(house, pair["ops"].uid, times=2)
    assert api_of_self.get(QUEUE, token=pair["access_token"]).error == (401, "token_expired")
    fresh = refreshed(auth_api, pair).data
    assert api_of_self.get(QUEUE, token=fresh["access_token"]).status == 200
    assert jwt.get_unverified_claims(fresh["access_token"])["roles"] == ["user", "user_manager"]
    assert house.sql("SELECT token_epoch FROM identity.user_auth") == [(2,)]


def test_a_dismissed_operators_staff_session_ends_and_the_users_goes_on(
    auth_api: Api, api_of_self: Api, pair: dict[str, Any], house: House
) -> None:
    user = log_in(auth_api, account=pair["ops"].email).data
    house.sql("UPDATE admin.admins SET is_active = false")
    staff_changed(house, pair["ops"].uid)
    assert api_of_self.get("/users/profile", token=pair["access_token"]).error == (401, "token_revoked")
    assert refreshed(auth_api, pair).error == (401, "refresh_token_invalid")
    assert refreshed(auth_api, user).data["user"]["roles"] == ["user"]


def test_one_whose_row_is_gone_is_no_operator_either(api_of_self: Api, pair: dict[str, Any], house: House) -> None:
    house.sql("DELETE FROM admin.admins")
    staff_changed(house, pair["ops"].uid)
    assert api_of_self.get("/users/profile", token=pair["access_token"]).error == (401, "token_revoked")


def test_a_changed_role_reaches_everyone_who_holds_it_and_nobody_else(
    auth_api: Api, api_of_self: Api, operator: Appoint, pair: dict[str, Any], house: House
) -> None:
    other = auth_api.post("/admin/auth/login", operator("observer", email="o@example.com").body()).data
    second = auth_api.post("/admin/auth/login", operator("support", email="s@example.com").body()).data
    house.sql("UPDATE admin.admin_roles SET permissions = '[\"verification:read\"]' WHERE role = 'support'")
    fact = RoleChanged(event_id=new_ulid(), occurred_at=AT, role="support", changed_at=AT)
    hear(house, on_role_changed.handler, fact, times=2)
    for one in (pair, second):
        assert api_of_self.get(QUEUE, token=one["access_token"]).error == (401, "token_expired")
        assert api_of_self.get(QUEUE, token=refreshed(auth_api, one).data["access_token"]).status == 200
    assert api_of_self.get(QUEUE, token=other["access_token"]).status == 200


def test_a_permission_taken_away_is_gone_before_the_token_expires(
    auth_api: Api, api_of_self: Api, operator: Appoint, house: House
) -> None:
    ops = operator("user_manager")
    token = auth_api.post("/admin/auth/login", ops.body()).data["access_token"]
    assert api_of_self.get(QUEUE, token=token).status == 200
    house.sql("UPDATE admin.admins SET role = 'support'")
    staff_changed(house, ops.uid)
    (item,) = [item for item in store.all_of(ops.uid) if item.kind == "staff"]
    assert "verification:read" not in item.permissions
    assert api_of_self.get(QUEUE, token=token).status == 401


def test_a_crash_before_the_commit_is_made_good_by_the_next_delivery(
    auth_api: Api, api_of_self: Api, pair: dict[str, Any], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.sql("UPDATE admin.admins SET role = 'user_manager'")
    fact = StaffChanged(event_id=new_ulid(), occurred_at=AT, uid=pair["ops"].uid, changed_at=AT)
    record = {"messageId": "1", "body": json.dumps({"detail": fact.model_dump(mode="json")})}
    with monkeypatch.context() as broken, house.acting("identity"):
        broken.setenv("TABLE_IDENTITY", "gone")
        assert on_staff_changed.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert house.sql("SELECT token_epoch FROM identity.user_auth") == [(1,)]
    hear(house, on_staff_changed.handler, fact)
    assert api_of_self.get(QUEUE, token=refreshed(auth_api, pair).data["access_token"]).status == 200


def test_an_account_that_was_deleted_meanwhile_loses_every_session(pair: dict[str, Any], house: House) -> None:
    house.sql("UPDATE identity.users SET status = 'deleted'")
    staff_changed(house, pair["ops"].uid)
    assert store.all_of(pair["ops"].uid) == []
