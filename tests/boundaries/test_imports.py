"""What a function may import: measured in a fresh process, by name and by count (docs/decisions: budgets)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest

from infra.bundling import Target, layer
from shared.manifest import Function, HttpFunction

ROOT = Path(__file__).resolve().parents[2]
HTTP_MODULES = 800
"""Modules that are not ours, see docs/decisions/0003-import-budget.md."""
FORBIDDEN_EVERYWHERE = {"boto3", "sqlalchemy", "requests", "aws_xray_sdk", "web3", "tronpy", "ccxt", "anthropic", "moto"}
FORBIDDEN_IN_HTTP = FORBIDDEN_EVERYWHERE | {"PIL", "httpx", "alembic", "fpdf", "fontTools", "xlsxwriter"}
FORBIDDEN_IN_WORKERS = FORBIDDEN_EVERYWHERE | {"fastapi", "starlette", "mangum"}
MAY = {
    "platform.migrate": {"sqlalchemy", "alembic"},
    "media.inspect_upload": {"PIL"},
}
ONLY_AUTH_HASHES = {
    "admin.staff", "identity.auth", "identity.life", "identity.merge", "identity.prepare_keys", "identity.users_desk",
}  # fmt: skip


def functions() -> list[tuple[str, Function]]:
    found = []
    for manifest in sorted((ROOT / "functions").glob("*/manifest.py")):
        domain = manifest.parent.name
        served = import_module(f"functions.{domain}.manifest").MANIFEST.functions
        found += [(f"{domain}.{function.name}", function) for function in served]
    return found


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a layer, built for this machine and unpacked as Lambda does."""
    root = tmp_path_factory.mktemp("layers")

    @cache
    def unpacked(name: str) -> str:
        with ZipFile(layer(name, Target(None))) as bundle:
            bundle.extractall(root / name)
        return str(root / name / "python")

    return unpacked


def loaded(name: str, paths: list[str]) -> set[str]:
    """The modules in a fresh process after importing the handler from its own layers, and from nothing else."""
    code = f"import sys, json; sys.path[:0] = {paths!r} + ['.']; import functions.{name}; print(json.dumps(sorted(sys.modules)))"
    environment = {"PATH": os.environ["PATH"], "PYDANTIC_DISABLE_PLUGINS": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name} needs its environment at import:\n{done.stderr[-800:]}"
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("name", "function"), functions(), ids=lambda v: v if isinstance(v, str) else "")
def test_a_handler_imports_only_what_it_may(name: str, function: Function, layers: Callable[[str], str]) -> None:
    modules = loaded(name, [layers(needed) for needed in function.layers])
    is_http = isinstance(function, HttpFunction)
    forbidden = (FORBIDDEN_IN_HTTP if is_http else FORBIDDEN_IN_WORKERS) - MAY.get(name, set())
    if name not in ONLY_AUTH_HASHES:
        forbidden |= {"argon2"}
    assert not forbidden & modules
    own = name.split(".", maxsplit=1)[0]
    foreign = {m for m in modules if m.startswith("functions.") and m.split(".")[1] != own}
    assert not foreign
    others = {m for m in modules if m.split(".")[0] not in {"functions", "shared", "events"}}
    if is_http:
        assert len(others) <= HTTP_MODULES, f"{name} imports {len(others)} modules that are not ours"


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
