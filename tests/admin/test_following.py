"""From the change of an operator to what their sessions may: the fact, the listener of identity, the next request."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.admin import end_expired_grants
from functions.identity import auth, keyed, on_role_changed, on_staff_changed, signing
from shared import caller, clock, tokens
from shared.dynamo.sessions import JwksItem
from tests.admin.conftest import ROOT, Staff
from tests.fixtures.api import JWKS, Api, Handler, Reply
from tests.fixtures.postgres import House
from tests.fixtures.signing import hand_over_signing_key

PASSWORD = "quiet lantern 47"


class Station:
    """An operator made by the API with a password for the back office, and what becomes of their session."""

    def __init__(self, house: House, people: Staff, staff_api: Api, admin_api: Api, auth_api: Api) -> None:
        self._house, self._api, self._admin, self._auth = house, staff_api, admin_api, auth_api
        self._heard = 0
        people.appoint(ROOT, "super_admin")
        self.root = people.token(ROOT)
        people.user(100020)

    def make(self, **fields: Any) -> dict[str, Any]:
        body = {"user_id": 100020, "role": "support", "password": PASSWORD} | fields
        made: dict[str, Any] = self._api.post("/admin/admins", body, token=self.root).data
        return made

    def change(self, admin_id: int, **fields: Any) -> None:
        assert self._api.put(f"/admin/admins/{admin_id}", fields, token=self.root).status == 200

    def remove(self, admin_id: int) -> None:
        assert self._api.delete(f"/admin/admins/{admin_id}", token=self.root).status == 200

    def set_role(self, role: str, permissions: list[str]) -> None:
        reply = self._admin.put(f"/admin/permissions/{role}", {"permissions": permissions}, token=self.root)
        assert reply.status == 200

    def log_in(self, password: str) -> Reply:
        return self._auth.post("/admin/auth/login", {"email": "user100020@example.com", "password": password})

    def renewed(self, signed_in: dict[str, Any]) -> str:
        """The access token after a refresh: what a client does when its token is older than its rights."""
        reply = self._auth.post("/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
        return str(reply.data["access_token"])

    def may(self, token: str) -> bool | None:
        """Whether the session may read the settings; None when it counts no more."""
        reply = self._admin.get("/admin/settings", token=token)
        return None if reply.status == 401 else reply.status == 200

    def deliver(self) -> None:
        """The bus brings the facts not heard yet."""
        listeners = {"admin.staff_changed.v1": on_staff_changed.handler, "admin.role_changed.v1": on_role_changed.handler}
        rows = self._house.sql("SELECT topic, payload FROM platform.outbox_events ORDER BY id")[self._heard :]
        self._heard += len(rows)
        for topic, payload in rows:
            if listener := listeners.get(topic):
                record = {"messageId": payload["event_id"], "body": json.dumps({"detail": payload})}
                with self._house.acting("identity"):
                    assert listener({"Records": [record]}, None) == {"batchItemFailures": []}
        caller.forget_sessions()  # half a minute later


@pytest.fixture
def station(
    house: House, people: Staff, staff_api: Api, admin_api: Api, api: Callable[[Handler, str], Api]
) -> Iterator[Station]:
    keyed.forget_key()
    signing.forget_key()
    keyed.ensure_key()
    hand_over_signing_key()
    item = JwksItem.get("JWKS", "JWKS")
    # Both count: the keys of the house, and the one by which `sign_in` opens sessions.
    item.update([JwksItem.jwks.set(json.dumps({"keys": json.loads(item.jwks)["keys"] + JWKS["keys"]}))])
    tokens.forget_keys()
    yield Station(house, people, staff_api, admin_api, api(auth.handler, "identity"))
    keyed.forget_key()
    signing.forget_key()


def test_an_operator_signs_in_with_their_own_password_and_their_session_follows_every_change(station: Station) -> None:
    made = station.make()
    assert station.log_in("correct horse 1").error == (401, "invalid_credentials")
    signed_in = station.log_in(PASSWORD).data
    assert (signed_in["admin"]["role"], signed_in["admin"]["expires_at"]) == ("support", None)
    token = signed_in["access_token"]
    assert station.may(token) is False
    station.change(made["admin_id"], permissions=["settings:read"])
    station.deliver()
    token = station.renewed(signed_in)
    assert station.may(token) is True
    station.change(made["admin_id"], permissions=[])
    station.deliver()
    assert station.may(station.log_in(PASSWORD).data["access_token"]) is False
    assert station.may(token) is not True


def test_what_a_role_gets_its_operators_get(station: Station) -> None:
    station.make()
    before = station.log_in(PASSWORD).data
    station.set_role("support", ["settings:read"])
    station.deliver()
    assert station.may(station.renewed(before)) is True


def test_a_removed_operators_session_ends(station: Station) -> None:
    made = station.make()
    token = station.log_in(PASSWORD).data["access_token"]
    station.remove(made["admin_id"])
    station.deliver()
    assert station.may(token) is None
    assert station.log_in(PASSWORD).status in {401, 403}


def test_an_expired_operators_session_ends(station: Station, house: House) -> None:
    made = station.make(expires_at=(clock.now() + timedelta(minutes=10)).isoformat())
    signed_in = station.log_in(PASSWORD).data
    assert signed_in["admin"]["expires_at"] == made["expires_at"]
    with clock.frozen(clock.now() + timedelta(minutes=11)):
        with house.acting("admin"):
            assert end_expired_grants.handler({}, None)["done"] == 1
        station.deliver()
        assert station.may(signed_in["access_token"]) is None
        assert station.log_in(PASSWORD).error == (403, "not_staff")
