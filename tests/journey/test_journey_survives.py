"""The money journey, killed at every point at which a process can die, ends as the undisturbed one does."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.finance.verify import verify
from infra.local.sandbox.settings import SandboxSettings
from shared import aws
from shared.settings import Settings
from shared.sql.connection import connect
from tests.fixtures.sandbox import Merchant, Sandbox, serving
from tests.journey.house import LittleHouse
from tests.journey.mortality import Mortality
from tests.journey.play import Play, end_state

Stage = Callable[[Mortality | None], Play]


@pytest.fixture
def stage(
    cloud: None, fresh_database: Any, merchant: Merchant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Stage]:
    """A house at the beginning of the journey, with simulators of its own, for it moves their clock."""
    clock_file = tmp_path / "clock.json"
    clock_file.write_text(json.dumps({"offset_seconds": 0}))
    monkeypatch.setenv("CLOCK_FILE", str(clock_file))
    monkeypatch.setenv("PUBLIC_URL", merchant.url.removesuffix("/notify"))
    monkeypatch.setenv("STAGE", "test")
    Settings.forget()
    with (
        serving(SandboxSettings(state=tmp_path, time_scale=0.00001)) as url,
        httpx.Client(base_url=url, timeout=10, trust_env=False) as http,
    ):
        yield partial(_make, fresh_database, Sandbox(url, http), merchant, clock_file, monkeypatch)


def _make(
    dsn: Any,
    sandbox: Sandbox,
    merchant: Merchant,
    clock_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    mortality: Mortality | None,
) -> Play:
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/alipay", SecretString=sandbox.secret())
    play = Play(LittleHouse(dsn, sandbox, monkeypatch, mortality), merchant, clock_file)
    play.arrange()
    return play


EXPECTED: dict[str, Any] = {
    "balances": [
        ("creator:100001:available", 12141),
        ("creator:100001:frozen", 0),
        ("creator:100001:pending", 0),
        ("creator:100001:withdrawn", 150000),
    ],
    "earnings": [
        (3900, 23, 776, 3101, "available"),
        (200000, 1200, 39760, 159040, "available"),
        (200000, 1200, 39760, 159040, "reversed"),
    ],
    "entries": [("capture", 3), ("payout", 1), ("payout_hold", 1), ("refund", 1), ("settlement", 1)],
    "facts": [
        ("finance.earnings_settled.v1", 1),
        ("finance.withdrawal_ended.v1", 1),
        ("finance.withdrawal_requested.v1", 1),
        ("payments.order_paid.v1", 3),
        ("payments.refund_succeeded.v1", 1),
        ("subscriptions.activated.v1", 1),
        ("subscriptions.entitlement_changed.v1", 4),
    ],
    "open cases": [(0,)],
    "orders": [
        ("subscription", "Wang · Monthly", "paid", 3900, 0),
        ("content", "Work 1", "paid", 200000, 0),
        ("content", "Work 2", "refunded", 200000, 200000),
    ],
    "paid out": [("SUCCESS", 150000)],
    "platform": [
        ("channel:alipay", -53900),
        ("platform:fees", 1223),
        ("platform:income", 40536),
        ("platform:payouts", -150000),
    ],
    "purchases": [(100002, 1, "active"), (100002, 2, "refunded")],
    "refunds": [("succeeded", 200000)],
    "rights": [("CONTENT", "purchase", 0), ("CONTENT", "purchase", 1), ("CREATOR", "subscription", 0)],
    "settled": [(100001, 162141)],
    "subscriptions": [(100002, "active")],
    "succeeded payments": [("Wang · Monthly", 1), ("Work 1", 1), ("Work 2", 1)],
    "unsent": [(0,)],
    "vendor": [("TRADE_CLOSED", 200000, 0), ("TRADE_SUCCESS", 3900, 0), ("TRADE_SUCCESS", 200000, 0)],
    "withdrawals": [(150000, "paid")],
}


def test_the_undisturbed_journey_ties_out(stage: Stage, fresh_database: Any) -> None:
    play = stage(None)
    play.run()
    assert end_state(play.house) == EXPECTED
    assert_books_hold(fresh_database)


def test_the_journey_killed_everywhere_ends_the_same(
    stage: Stage, fresh_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mortality = Mortality()
    play = stage(mortality)
    with mortality.watching(monkeypatch):
        play.run()
        assert end_state(play.house) == EXPECTED
    assert mortality.deaths > 500, "it died too seldom to prove anything"
    assert_books_hold(fresh_database)


def assert_books_hold(database: Any) -> None:
    with connect(database()) as db:
        assert [check for check in verify(db) if check.off] == []
