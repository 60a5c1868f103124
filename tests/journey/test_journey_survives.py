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
    dsn: Any, sandbox: Sandbox, merchant: Merchant, clock_file: Path, monkeypatch: pytest.MonkeyPatch, mortality: Mortality | None
) -> Play:
    aws.client("secretsmanager").put_secret_value(SecretId="sharestack/test/alipay", SecretString=sandbox.secret())
    play = Play(LittleHouse(dsn, sandbox, monkeypatch, mortality), merchant, clock_file)
    play.arrange()
    return play

UNDISTURBED: dict[str, Any] = {}


def test_the_undisturbed_journey_ties_out(stage: Stage, fresh_database: Any) -> None:
    play = stage(None)
    play.run()
    state = end_state(play.house)
    UNDISTURBED.update(state)
    assert state["unsent"] == [(0,)]
    assert state["open cases"] == [(0,)]
    assert state["paid out"] == [("SUCCESS", 150000)]
    assert state["withdrawals"] == [(150000, "paid")]
    assert [order[2:] for order in state["orders"]] == [("paid", 3900, 0), ("paid", 200000, 0), ("refunded", 200000, 200000)]
    assert state["rights"] == [("CONTENT", "purchase", 0), ("CONTENT", "purchase", 1), ("CREATOR", "subscription", 0)]
    with connect(fresh_database()) as db:
        assert [check for check in verify(db) if check.off] == []


def test_the_journey_killed_everywhere_ends_the_same(stage: Stage, fresh_database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mortality = Mortality()
    play = stage(mortality)
    with mortality.watching(monkeypatch):
        play.run()
        state = end_state(play.house)
    with connect(fresh_database()) as db:
        assert [check for check in verify(db) if check.off] == []
    assert mortality.deaths > 500, "it died too seldom to prove anything"
    assert state == UNDISTURBED
