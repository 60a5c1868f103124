"""The laptop's clock for tests of the simulators."""

from datetime import timedelta
from pathlib import Path

import pytest


@pytest.fixture
def movable_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The laptop's clock, moved as `make run` moves it."""
    file = tmp_path / "clock.json"
    monkeypatch.setenv("CLOCK_FILE", str(file))

    def advance(**span: float) -> None:
        file.write_text(f'{{"offset_seconds": {timedelta(**span).total_seconds()}}}')

    return advance
