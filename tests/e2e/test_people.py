"""What people do with their accounts, on the laptop cloud with IAM enforced: every grant is tried where it is needed."""

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from infra.local.journey import Journey
from infra.local.operations import Operations
from infra.local.playing import House, Person


@pytest.fixture(scope="module")
def journey(base_url: str) -> Journey:
    return Journey(House(base_url))


@pytest.fixture(scope="module")
def ann(journey: Journey) -> Person:
    return journey.register("ann")


@pytest.fixture(scope="module")
def bob(journey: Journey) -> Person:
    return journey.register("bob")


def test_operators_at_work(journey: Journey) -> None:
    Operations(journey).play()


def test_a_provider_opens_an_account_and_is_then_bound_to_another(journey: Journey, ann: Person) -> None:
    house, visitor = journey.house, Person(journey.house, "visitor")
    opened = through(house, "google", visitor, "login", {"user_id": f"g-{journey.stamp}", "name": "Gia"})
    assert opened["is_new_user"]
    again = through(house, "google", Person(house, "visitor"), "login", {"user_id": f"g-{journey.stamp}"})
    assert (again["is_new_user"], again["user"]["user_id"]) == (False, opened["user"]["user_id"])
    bound = through(house, "wechat", ann, "bind", {"user_id": f"w-{journey.stamp}"})
    assert bound == {"provider": "wechat", "bound": True}
    told = ann.get("/users/security")
    assert [account["provider"] for account in told["oauth_accounts"]] == ["wechat"]


def through(house: House, provider: str, person: Person, scene: str, as_whom: dict[str, Any]) -> Any:
    """Sign in with a provider: our address, its page, our callback."""
    begun = person.get(f"/auth/oauth/{provider}", scene=scene)
    step = house.local("POST", f"/sandbox/oauth/{provider}/approve", {"authorize_url": begun["authorize_url"]} | as_whom)
    back = urlsplit(step["url"])
    headers = {"Authorization": f"Bearer {person.token}"} if person.token else {}
    reply = house.client.get(f"{back.path}?{back.query}", headers=headers)
    assert reply.is_success, reply.text
    return reply.json()["data"]


def test_followers_are_counted_by_the_stream(journey: Journey, ann: Person, bob: Person) -> None:
    assert ann.post(f"/users/follow/{bob.uid}") == {"following": True, "followers_count": 1}
    profile = journey.house.until(
        "the stream to count",
        lambda: (p := Person(journey.house, "nobody").get(f"/users/profile/{bob.uid}"))["followers_count"] == 1 and p,
    )
    assert profile["username"].startswith("bob_")
    assert [one["user_id"] for one in bob.get("/users/followers")["items"]] == [ann.uid]


def test_a_key_works_within_its_scope(journey: Journey, ann: Person) -> None:
    made = ann.post("/api-keys", {"name": "e2e", "scopes": ["read"]})
    client, headers = journey.house.client, {"X-API-Key": made["key"]}
    assert client.get("/api/v1/users/profile", headers=headers).json()["data"]["user_id"] == ann.uid
    assert client.put("/api/v1/users/update", headers=headers, json={"bio": "x"}).status_code == httpx.codes.FORBIDDEN
    assert ann.ask("DELETE", f"/api-keys/{made['key_id']}") == {"deleted": True}


def test_a_person_gets_a_copy_of_everything(journey: Journey, ann: Person) -> None:
    job = ann.post("/users/export-data", {"format": "zip"})

    def finished() -> Any:
        told = ann.get(f"/jobs/{job['job_id']}")
        return told if told["status"] in {"succeeded", "failed"} else None

    done = journey.house.until("the export", finished)
    assert done["status"] == "succeeded", done["error"]
    packed = httpx.get(done["result"]["url"], trust_env=False).raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert any(journey.pairs["ann"]["email"] in text for text in texts.values())
    assert all(json.loads(text) is not None for name, text in texts.items() if name.endswith(".json"))


def test_an_account_is_deleted_when_its_time_has_come(journey: Journey) -> None:
    """The last of this file: the clock moves by sixteen days."""
    house, cora = journey.house, journey.register("cora")
    email = journey.pairs["cora"]["email"]
    cora.post("/auth/verification-codes", {"channel": "email", "target": email, "purpose": "delete_account"})
    house.until("the second mail", lambda: len(house.local("GET", "/mail", to=email)["items"]) > 1)
    told = cora.ask("DELETE", "/users/delete", code=house.mail_code(email))
    assert told["status"] == "pending_deletion"
    house.move_clock("16d")
    visitor = Person(house, "visitor")
    credentials = {"account": email, "password": "Journey-2026"}
    house.until(
        "the erasure",
        lambda: visitor.call("POST", "/auth/login", credentials).json().get("error") == "invalid_credentials",
    )
    assert visitor.call("GET", f"/users/profile/{cora.uid}").status_code == httpx.codes.NOT_FOUND
