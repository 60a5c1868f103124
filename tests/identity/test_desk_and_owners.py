"""What operators do to accounts, as their owners meet it; and what owners do, as operators read it."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import users_desk
from tests.fixtures.api import Api, Handler
from tests.identity.conftest import PASSWORD, Operator, log_in

Register = Callable[..., dict[str, Any]]


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(auth_api: Api, operator: Callable[..., Operator]) -> str:
    return str(auth_api.post("/admin/auth/login", operator("user_manager").body()).data["access_token"])


def test_an_account_switched_off_stays_off_whatever_its_owner_says(desk, token, auth_api: Api, register: Register) -> None:
    own = register()
    uid = own["user"]["user_id"]
    desk.put(f"/admin/users/{uid}", {"is_active": False}, token=token)
    assert auth_api.post("/auth/logout", token=own["access_token"]).error == (401, "token_revoked")
    assert auth_api.post("/auth/refresh", {"refresh_token": own["refresh_token"]}).error == (401, "refresh_token_invalid")
    assert log_in(auth_api).error == (403, "account_deactivated")
    assert log_in(auth_api, reactivate=True).error == (403, "account_deactivated")
    assert log_in(auth_api, password="wrong horse 1", reactivate=True).error == (401, "invalid_credentials")
    desk.put(f"/admin/users/{uid}", {"is_active": True}, token=token)
    assert log_in(auth_api).status == 200


def test_a_deleted_account_is_unknown_to_everybody(desk, token, auth_api: Api, register: Register) -> None:
    own = register()
    desk.delete(f"/admin/users/{own['user']['user_id']}", query={"reason": "fraud"}, token=token)
    assert log_in(auth_api, reactivate=True).error == (401, "invalid_credentials")
    assert auth_api.post("/auth/refresh", {"refresh_token": own["refresh_token"]}).error == (401, "refresh_token_invalid")


def test_an_account_opened_by_an_operator_is_signed_in_to(desk, token, auth_api: Api) -> None:
    desk.post("/admin/users/batch-create", {"items": [{"email": "ann@example.com", "password": PASSWORD}]}, token=token)
    assert log_in(auth_api).data["user"]["email_verified"] is False


def test_a_changed_password_is_in_the_trail_and_the_sign_in_in_the_log(
    desk, token, auth_api: Api, register: Register
) -> None:
    own = register()
    uid = own["user"]["user_id"]
    body = {"old_password": PASSWORD, "new_password": "another horse 2"}
    assert auth_api.post("/auth/change-password", body, token=own["access_token"]).status == 200
    [entry] = desk.get(f"/admin/users/{uid}/logs", token=token, query={"kind": "operation"}).data["items"]
    assert (entry["action"], entry["ok"]) == ("change_password", True)
    assert "horse" not in str(entry)
    [signed_in] = desk.get(f"/admin/users/{uid}/logs", token=token).data["items"]
    assert (signed_in["action"], signed_in["ok"]) == ("register", True)
