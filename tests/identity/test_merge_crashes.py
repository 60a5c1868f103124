"""A merge and its undoing, killed at every point at which a process can die, in every domain, end as undisturbed ones do."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from events.payments import OrderPaid
from functions.finance.verify import verify
from shared import clock
from shared.ids import new_ulid
from shared.sql.connection import connect
from shared.views.entitlements import held
from tests.finance.build import message
from tests.fixtures.people import make_user
from tests.identity.conftest import PASSWORD, forget_keys
from tests.identity.leaving import World
from tests.identity.social import edges
from tests.identity.test_life_crashes import Sparing

DROP, KEEP, SELLER = "drop@example.com", "keep@example.com", 100_900


@pytest.fixture
def mortality() -> Sparing:
    return Sparing()


@pytest.fixture
def world(
    cloud: None, fresh_database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mortality: Sparing
) -> Iterator[World]:
    yield World(fresh_database, monkeypatch, tmp_path / "clock.json", mortality)
    forget_keys()


class Case:
    """Two accounts, the one to be dropped with money, a subscription and follows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.token, self.other = world.register(KEEP), world.register(DROP)
        self.keep, self.drop = world.uid_of(KEEP), world.uid_of(DROP)
        now = clock.now()
        make_user(world.sql, SELLER, "seller")
        sale = OrderPaid(
            event_id=new_ulid(), occurred_at=now, order_no="o", kind="content", target_id=1, buyer_id=SELLER, seller_id=self.drop,
            title="t", amount=1_000, currency="CNY", channel="alipay", payment_no="p", gateway_no="g",
            paid_at=now - timedelta(days=8),
        )  # fmt: skip
        world.house._invoke("finance", "on_order_paid", message(sale))
        world.house._invoke("finance", "settle_earnings", {})
        world.sql(
            """
            WITH plan AS (
                INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, interval, trial_days, benefits,
                    permissions, content_scope, content_ids, status, created_at, updated_at)
                VALUES (%s, 'p', 1, 3000, 'month', 0, '[]', '{}', 'all', '{}', 'active', %s, %s) RETURNING plan_id
            )
            INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
                current_period_start, current_period_end, version, created_at, updated_at)
            SELECT %s, %s, plan_id, 1, 3000, 'active', true, %s, %s, nextval('subscriptions.entitlement_version'), %s, %s FROM plan
            """,
            (SELLER, now, now, self.drop, SELLER, now, now + timedelta(days=30), now, now),
        )
        assert world.house.request("POST", f"/users/follow/{SELLER}", token=self.other).status == 200
        world.house._invoke("subscriptions", "rebuild_entitlements", {})
        world.settle()

    def merge(self) -> int:
        opened = self.world.house.request("POST", "/users/merge", {"account": DROP, "password": PASSWORD}, token=self.token)
        assert opened.status == 200, opened.text
        merge_id = int(opened.data["merge_id"])
        done = self.world.house.request(
            "POST", f"/users/merge/{merge_id}/confirm", {"choices": {"email": "drop"}},
            token=self.token, key="once",
        )  # fmt: skip
        assert done.status == 200, done.text
        return merge_id

    def undo(self, merge_id: int) -> Any:
        return self.world.house.request("POST", f"/users/merge/{merge_id}/undo", token=self.token)

    def state(self) -> dict[str, Any]:
        """Where everything is, in every domain."""
        sql = self.world.sql
        with connect(self.world.dsn("finance")) as db:
            assert [check.name for check in verify(db) if check.off] == []
        return {
            "accounts": sql("SELECT uid, email, status, is_active FROM identity.users ORDER BY uid"),
            "devices": sql("SELECT uid, device_id FROM identity.user_devices ORDER BY 1, 2"),
            "merges": sql("SELECT status FROM identity.account_merges WHERE status <> 'open'"),
            "money": sql(
                "SELECT creator_id, part, balance FROM finance.creator_balances WHERE balance <> 0 ORDER BY creator_id"
            ),
            "entries": sql("SELECT count(*) FROM finance.ledger_entries WHERE kind = 'merge'"),
            "rights": sql("SELECT user_id, status FROM subscriptions.user_subscriptions"),
            "follows": sorted(edges()),
            "read": [held(uid, SELLER, None) for uid in (self.keep, self.drop)],
        }


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


def test_undisturbed_it_moves_everything_and_back(case: Case, world: World) -> None:
    before = case.state()
    merge_id = case.merge()
    world.settle()
    merged = case.state()
    assert merged["money"] == [(case.keep, "available", 795)]
    assert merged["rights"] == [(case.keep, "active")]
    assert merged["read"] == before["read"][::-1]
    assert merged["follows"] == [(case.keep, SELLER)]
    assert case.undo(merge_id).status == 200
    world.settle()
    after = case.state()
    assert after.pop("entries") == [(2,)]
    assert after.pop("merges") == [("undone",)]
    assert {name: before[name] for name in after} == after


def test_killed_everywhere_it_ends_the_same(case: Case, world: World, mortality: Sparing) -> None:
    before = case.state()
    mortality.kills = True
    merge_id = case.merge()
    world.settle()
    mortality.kills = False
    assert mortality.deaths > 50
    merged = case.state()
    assert merged["money"] == [(case.keep, "available", 795)]
    assert merged["rights"] == [(case.keep, "active")]
    assert merged["follows"] == [(case.keep, SELLER)]
    assert merged["merges"] == [("merged",)]
    assert merged["entries"] == [(1,)]
    deaths = mortality.deaths
    mortality.kills = True
    undone = case.undo(merge_id)
    world.settle()
    mortality.kills = False
    # The answer of an undoing that was killed after its commit is lost; whoever asks again is told that it is done.
    assert undone.status == 200 or undone.error == (409, "merge_not_undoable")
    assert mortality.deaths - deaths > 50
    after = case.state()
    assert after.pop("entries") == [(2,)]
    assert after.pop("merges") == [("undone",)]
    assert {name: before[name] for name in after} == after


def test_facts_that_come_in_the_wrong_order_end_as_in_the_right_one(case: Case, world: World) -> None:
    before = case.state()
    merge_id = case.merge()
    assert case.undo(merge_id).status == 200
    told = world.sql(
        "SELECT topic, payload FROM platform.outbox_events WHERE topic LIKE 'identity.accounts_%%' ORDER BY id DESC"
    )
    assert len(told) == 2
    for topic, payload in told * 2:
        for domain, name in world.house._listeners[topic]:
            event = {"Records": [{"messageId": "m", "body": json.dumps({"detail": payload})}]}
            assert world.house._invoke(domain, name, event) == {"batchItemFailures": []}
    world.settle()
    after = case.state()
    after.pop("merges")
    assert {name: before[name] for name in after} == after


def test_who_goes_takes_the_merged_account_along(case: Case, world: World) -> None:
    """Its money counts as theirs until it is paid out; then both are erased. The address is the dropped one's: so chosen."""
    case.merge()
    world.settle()
    world.sql(
        "SELECT finance.post_entry('late', 'capture', 'order', 'late', now(), 'CNY', %s::text[], %s::bigint[])",
        (["channel:alipay", f"creator:{case.drop}:pending"], [-1, 1]),
    )
    world.sql(
        "SELECT finance.post_entry('out', 'payout', 'w', '1', now(), 'CNY', %s::text[], %s::bigint[])",
        (["channel:alipay", f"creator:{case.keep}:available"], [795, -795]),
    )
    refused = world.delete(case.token, DROP)
    assert refused.error == (409, "balance_not_zero")
    world.sql(
        "SELECT finance.post_entry('back', 'refund', 'order', 'late', now(), 'CNY', %s::text[], %s::bigint[])",
        (["channel:alipay", f"creator:{case.drop}:pending"], [1, -1]),
    )
    assert world.delete(world.log_in(DROP).data["access_token"], DROP).status == 200
    world.move(days=31)
    world.settle()
    assert world.sql("SELECT status, email FROM identity.users WHERE uid = ANY(%s)", ([case.keep, case.drop],)) == [
        ("deleted", None), ("deleted", None),
    ]  # fmt: skip
    assert world.sql("SELECT count(*) FROM identity.merge_journal") == [(0,)]
