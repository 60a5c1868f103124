"""Merging: what proves it, what stands against it, what moves, and that undoing leaves everything as it was."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.api import Api, Handler
from tests.fixtures.postgres import House
from tests.identity.merging import HANDLER, Two, changes


@pytest.fixture
def two(api: Callable[[Handler, str], Api], keys: None, house: House, register: Callable[..., dict[str, Any]]) -> Two:
    return Two(api(HANDLER, "identity"), house, register)


def test_a_password_proves_the_other_account(two: Two) -> None:
    started = two.start()
    assert started.status == 200, started.text
    assert started.data["expires_in"] == 600
    assert {c["field"]: (c["keep"], c["drop"]) for c in started.data["conflicts"]} == {
        "email": ("k***@example.com", "d***@example.com"),
        "display_name": ("Keep", "Drop"),
    }


def test_undoing_leaves_everything_as_it_was(two: Two) -> None:
    before = two.snapshot()
    merge_id = two.merge(email="drop", display_name="drop")
    assert two.user(two.keep, "email") == "drop@example.com"
    undone = two.undo(merge_id)
    assert undone.data == {"undone": True}, undone.text
    assert changes(before, two.snapshot()) == {}
