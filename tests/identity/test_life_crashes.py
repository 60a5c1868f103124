"""Deletion and export, killed at every point at which a process can die, end as the undisturbed ones do."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from functions.identity.store import sessions as session_store
from shared.dynamo.base import Item
from tests.fixtures.api import open_session
from tests.identity.conftest import forget_keys
from tests.identity.leaving import World, objects
from tests.identity.test_life_erasure import HELD
from tests.journey.mortality import Killed, Mortality

T = TypeVar("T")
DOMAINS = ["admin", "content", "finance", "identity", "media", "payments", "platform", "subscriptions"]


class Sparing(Mortality):
    """Lets everything live until it is told not to."""

    def __init__(self) -> None:
        super().__init__()
        self.kills = False

    def survive(self, operation: Callable[[], T], bury: Callable[[], None], *, once_as: str | None = None) -> T:
        """Every step dies at every point first, once this kills."""
        return super().survive(operation, bury, once_as=once_as) if self.kills else operation()

    def watch_aws(self) -> None:
        """Item classes keep the connection of the session they were first used in; they too are to be watched."""
        for item in _below(Item):
            item._connection = None
        super().watch_aws()

    def kill_at(self, point: int, operation: Callable[[], Any], bury: Callable[[], None]) -> bool:
        """Run something killed at one point, and never again; False when it has fewer points."""
        self._armed_for, self._passed, deaths = point, 0, self.deaths
        with suppress(Killed):
            operation()
        self._armed_for = None
        if self.deaths == deaths:
            return False
        bury()
        return True


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


@pytest.fixture
def mortality() -> Sparing:
    return Sparing()


@pytest.fixture
def world(
    cloud: None, fresh_database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mortality: Sparing
) -> Iterator[World]:
    yield World(fresh_database, monkeypatch, tmp_path / "clock.json", mortality)
    forget_keys()


def test_an_erasure_killed_everywhere_leaves_nothing_and_does_nothing_twice(world: World, mortality: Sparing) -> None:
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    assert world.delete(token).status == 200
    world.move(days=15, hours=1)
    mortality.kills = True
    world.settle()
    assert mortality.deaths > 100, "it died too seldom to prove anything"
    mortality.kills = False
    assert world.request() == ("erased", None)
    assert world.traces(but=HELD) == []
    done = world.sql("SELECT domain FROM platform.personal_data_acks WHERE kind = 'erase' ORDER BY domain")
    assert [domain for (domain,) in done] == DOMAINS
    assert world.sql("SELECT status, title FROM content.contents ORDER BY content_id") == [
        ("published", "A work"),
        ("deleted", ""),
    ]
    assert set(objects("MEDIA_PRIVATE")) == {f"u/{uid}/2/v1/cover.png"}
    facts = "SELECT count(*) FROM platform.outbox_events WHERE topic = 'identity.account_erased.v1'"
    assert world.sql(facts) == [(1,)]
    assert world.sql("SELECT change FROM identity.account_changes ORDER BY id")[-2:] == [
        ("deletion_requested",),
        ("erased",),
    ]


def test_an_export_killed_everywhere_holds_what_the_undisturbed_one_holds(world: World, mortality: Sparing) -> None:
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    asked = partial(world.house.request, "POST", "/users/export-data", {}, token=token)
    archives = []
    for kills in (False, True):
        reply = asked()
        mortality.kills = kills
        world.settle()
        assert not kills or mortality.deaths > 150, "it died too seldom to prove anything"
        mortality.kills = False
        job = world.house.request("GET", f"/jobs/{reply.data['job_id']}", token=token).data
        assert job["status"] == "succeeded"
        archive = world.exported(job)
        archives.append({name: archive.read(name) for name in archive.namelist()})
        assert [key for key in objects("EXPORTS") if job["job_id"] in key] == [
            f"personal/{job['job_id']}/sharestack-{uid}.zip"
        ]
        world.sql("UPDATE identity.export_requests SET created_at = created_at - interval '2 days'")
    undisturbed, killed = archives
    assert set(killed) == set(undisturbed)
    changing = {"identity/export_requests.json", "identity/activity.json", "platform/jobs.json", "README.txt"}
    assert {name: body for name, body in killed.items() if name not in changing} == {
        name: body for name, body in undisturbed.items() if name not in changing
    }
    assert len(json.loads(killed["identity/export_requests.json"])) == 2


@pytest.mark.parametrize("verb", ["delete", "deactivate"])
def test_leaving_killed_anywhere_happened_whole_or_not_at_all(world: World, mortality: Sparing, verb: str) -> None:
    world.sql("INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('auth.code_per_day', '1000', now())")
    email = "zaphod@example.com"
    world.register(email)
    uid = world.uid_of(email)
    for point in itertools.count(1):
        code = world.code("delete_account" if verb == "delete" else "deactivate_account", email)
        token = open_session(uid)
        died = mortality.kill_at(point, partial(leave, world, verb, token, code), world.house._bury)
        ((status, requests, facts),) = world.sql(
            """
            SELECT status, (SELECT count(*) FROM identity.deletion_requests r WHERE r.uid = u.uid),
                   (SELECT count(*) FROM platform.outbox_events
                    WHERE topic = 'identity.deletion_requested.v1' AND payload->>'uid' = u.uid::text)
            FROM identity.users u WHERE u.uid = %s
            """,
            (uid,),
        )
        signed_in = len(session_store.all_of(uid))
        if status == "active":
            assert (died, requests, facts) == (True, 0, 0)
        else:
            assert (status, requests, facts, signed_in) == (
                ("pending_deletion", 1, 1, 0) if verb == "delete" else ("inactive", 0, 0, 0)
            )
        if not died:
            break
        if status != "active":
            email = f"zaphod{point}@example.com"
            world.register(email)
            uid = world.uid_of(email)
    assert mortality.deaths > 15


def leave(world: World, verb: str, token: str, code: str) -> None:
    if verb == "delete":
        world.house.request("DELETE", "/users/delete", token=token, query={"code": code})
    else:
        world.house.request("POST", "/users/deactivate", {"code": code}, token=token)
