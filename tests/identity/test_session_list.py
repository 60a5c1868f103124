"""One's own sessions, listed and ended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity.models import Client
from functions.identity.service import sessions
from functions.identity.store import sessions as store
from shared import caller, clock
from shared.api_keys import KIND
from tests.fixtures.api import Api
from tests.identity.conftest import log_in

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
PATH = "/users/sessions"


@pytest.fixture
def three(auth_api: Api, register: Register) -> list[dict[str, Any]]:
    """Three sessions of Ann's, a minute apart, and one of Bob's."""
    with clock.frozen(NOW):
        pairs = [register(device_id="phone-1", device_type="iOS", app_version="1.0")]
        register(email="bob@example.com")
    for minute in (1, 2):
        with clock.frozen(NOW + timedelta(minutes=minute)):
            pairs.append(log_in(auth_api).data)
    return pairs


def test_the_list_shows_ones_own_live_sessions_newest_first(api_of_self: Api, three: list[dict[str, Any]]) -> None:
    with clock.frozen(NOW + timedelta(minutes=3)):
        page = api_of_self.get(PATH, token=three[0]["access_token"]).data
    assert [item["session_id"] for item in page["items"]] == [pair["session_id"] for pair in reversed(three)]
    assert (page["total"], page["next_cursor"]) == (3, None)
    assert page["items"][2] == {
        "session_id": three[0]["session_id"], "device_id": "phone-1", "device_type": "iOS", "app_version": "1.0",
        "ip": "203.0.113.7", "user_agent": "", "created_at": "2027-01-01T00:00:00Z",
        "last_seen_at": "2027-01-01T00:00:00Z", "current": True,
    }  # fmt: skip
    assert [item["current"] for item in page["items"]] == [False, False, True]
    assert api_of_self.get(PATH).error == (401, "unauthenticated")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort_by", ["created_at", "last_seen_at"])
def test_pages_and_cursors_bring_each_session_once(
    api_of_self: Api, three: list[dict[str, Any]], sort_by: str, order: str
) -> None:
    expected = [pair["session_id"] for pair in three]
    expected = expected if order == "asc" else expected[::-1]
    with clock.frozen(NOW + timedelta(minutes=3)):

        def page(**query: Any) -> Any:
            wanted = {"page_size": 1, "sort_by": sort_by, "sort_order": order} | query
            return api_of_self.get(PATH, token=three[0]["access_token"], query=wanted).data

        assert [page(page=number)["items"][0]["session_id"] for number in (1, 2, 3)] == expected
        assert page(page=4)["items"] == []
        seen, cursor = [], None
        for _ in expected:
            found = page(**({"cursor": cursor} if cursor else {}))
            seen.append(found["items"][0]["session_id"])
            cursor = found["next_cursor"]
        assert (seen, cursor) == (expected, None)


@pytest.mark.parametrize("query", [{"sort_by": "ip"}, {"cursor": "x"}, {"cursor": "W10"}, {"page_size": 101}])
def test_a_strange_page_is_refused(api_of_self: Api, three: list[dict[str, Any]], query: dict[str, Any]) -> None:
    with clock.frozen(NOW):
        assert api_of_self.get(PATH, token=three[0]["access_token"], query=query).error == (422, "validation_error")


def test_a_session_that_has_expired_is_not_listed(api_of_self: Api, auth_api: Api, three: list[dict[str, Any]]) -> None:
    with clock.frozen(NOW + timedelta(days=30, seconds=30)):
        fresh = log_in(auth_api).data
        listed = api_of_self.get(PATH, token=fresh["access_token"]).data["items"]
    assert [item["session_id"] for item in listed] == [pair["session_id"] for pair in [fresh, *three[:0:-1]]]


def test_a_revoked_session_counts_no_more_anywhere(api_of_self: Api, auth_api: Api, three: list[dict[str, Any]]) -> None:
    here, there, _ = three
    with clock.frozen(NOW + timedelta(minutes=3)):
        path = f"{PATH}/{there['session_id']}"
        assert api_of_self.delete(path, token=here["access_token"]).data == {"revoked": 1}
        caller.forget_sessions()  # another environment, or 30 s later
        assert api_of_self.get(PATH, token=there["access_token"]).error == (401, "token_revoked")
        refreshed = auth_api.post("/auth/refresh", {"refresh_token": there["refresh_token"]})
        assert refreshed.error == (401, "refresh_token_invalid")
        assert api_of_self.delete(path, token=here["access_token"]).error == (404, "session_not_found")
        assert api_of_self.get(PATH, token=here["access_token"]).data["total"] == 2


def test_somebody_elses_session_is_not_there(api_of_self: Api, register: Register) -> None:
    ann, bob = register(), register(email="bob@example.com")
    path = f"{PATH}/{bob['session_id']}"
    assert api_of_self.delete(path, token=ann["access_token"]).error == (404, "session_not_found")
    assert api_of_self.get(PATH, token=bob["access_token"]).status == 200


@pytest.mark.parametrize("session_id", ["x", "S%23x", "%E4%B8%AD", "01J0000000000000000000000X"])
def test_a_strange_id_is_not_there(api_of_self: Api, register: Register, session_id: str) -> None:
    assert api_of_self.delete(f"{PATH}/{session_id}", token=register()["access_token"]).error == (404, "session_not_found")


def test_an_api_key_is_no_session(api_of_self: Api, register: Register) -> None:
    pair = register()
    uid = pair["user"]["user_id"]
    key: dict[str, Any] = {"kind": KIND, "roles": [], "permissions": [], "epoch": 1, "refresh_hash": ""}
    client = Client("203.0.113.7", "tests")
    store.put(uid, "key", **key, locale="en", client=client, now=1, expires=2**33)
    assert api_of_self.get(PATH, token=pair["access_token"]).data["total"] == 1
    assert api_of_self.delete(f"{PATH}/key", token=pair["access_token"]).error == (404, "session_not_found")
    sessions.keep_only(uid, pair["session_id"], 2)
    assert len(store.all_of(uid)) == 2
