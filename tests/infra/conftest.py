"""The templates of every stage, synthesized once: the real domains and the sample beside them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.app import build
from infra.manifests import REPOSITORY, discover
from infra.stage import stage_named
from shared.manifest import Function, Manifest
from tests.infra.sample import SAMPLE

Resource = dict[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """The assembly of one stage."""

    folder: Path

    def templates(self) -> dict[str, dict[str, Any]]:
        """Every stack's template by the stack's name."""
        return {path.name.split(".")[0]: json.loads(path.read_text()) for path in self.folder.glob("*.template.json")}

    def resources(self, kind: str) -> dict[str, Resource]:
        """Properties of every resource of a type, by `<stack>/<logical id>`."""
        return {
            f"{stack}/{name}": resource.get("Properties", {})
            for stack, template in self.templates().items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


@pytest.fixture(scope="session")
def manifests() -> list[Manifest]:
    """The real domains and the sample."""
    return [*discover(), SAMPLE]


@pytest.fixture(scope="session")
def functions(manifests: list[Manifest]) -> dict[str, tuple[str, Function]]:
    """Domain and manifest entry of every function, by the end of its name: `<domain>-<function>`."""
    return {
        f"{manifest.domain}-{function.name}": (manifest.domain, function)
        for manifest in manifests
        for function in manifest.functions
    }


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, manifests: list[Manifest]) -> Callable[[str], Synthesized]:
    """Synthesize a stage by name."""
    from aws_cdk import App

    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]

    @cache
    def synthesize(name: str) -> Synthesized:
        folder = tmp_path_factory.mktemp(name)
        app = App(outdir=str(folder), context=context)
        build(app, stage_named(name, {}), manifests)
        app.synth()
        return Synthesized(folder)

    return synthesize


def text(value: Any) -> str:
    """A template's value as one string: joins joined, references as `<name>`."""
    if isinstance(value, str):
        return value
    (function, inside), *_ = value.items()
    match function:
        case "Fn::Join":
            return str(inside[0]).join(text(part) for part in inside[1])
        case "Ref" | "Fn::ImportValue":
            return f"<{inside}>"
        case "Fn::GetAtt":
            return f"<{'.'.join(inside)}>"
    return json.dumps(value)


def many(value: Any) -> list[Any]:
    """IAM writes one thing bare and several as a list."""
    return value if isinstance(value, list) else [value]
