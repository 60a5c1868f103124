"""Each fact has one real example, which its class reads and writes unchanged: what listeners of other teams rely on."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from events.base import Fact

FOLDER = Path(__file__).resolve().parents[2] / "events"
for module in FOLDER.glob("[a-z]*.py"):
    import_module(f"events.{module.stem}")
FACTS = {fact.NAME: fact for fact in Fact.__subclasses__() if fact.__module__.startswith("events.")}


def test_every_fact_has_its_example_and_every_example_its_fact() -> None:
    assert {path.stem for path in (FOLDER / "samples").glob("*.json")} == set(FACTS)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_the_example_is_read_and_written_unchanged(name: str) -> None:
    example = json.loads((FOLDER / "samples" / f"{name}.json").read_text())
    fact = FACTS[name].model_validate(example)
    assert fact.model_dump(mode="json") == example
    assert fact.event_source() == f"sharestack.{name.split('.', maxsplit=1)[0]}"


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_fact_lives_with_its_domain_and_has_a_version(name: str) -> None:
    domain, _, version = name.split(".")
    assert FACTS[name].__module__ == f"events.{domain}"
    assert version[0] == "v"
    assert version[1:].isdigit()
