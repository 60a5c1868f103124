"""What Lambda is given: its own domain and nothing of another, with bytecode, small, and the same from the same."""

import ast
import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

from infra import bundling
from infra.bundling import CannotBundle, Target
from infra.documents import platform_files
from infra.manifests import REPOSITORY, discover
from shared.manifest import HttpFunction

HOST = Target(None)
CLOUD = Target("aarch64-manylinux_2_28")
DOMAINS = [manifest.domain for manifest in discover()]
LAYERS = sorted(path.stem.removeprefix("layer-") for path in (REPOSITORY / "locks").glob("layer-*.txt"))
LARGEST = 80 * 1024 * 1024
LAMBDA_UNPACKS = 250 * 1024 * 1024
UNCHECKED_HASH = 0b01


def names(bundle: Path) -> list[str]:
    with zipfile.ZipFile(bundle) as archive:
        return archive.namelist()


def unzipped(bundle: Path) -> int:
    with zipfile.ZipFile(bundle) as archive:
        return sum(entry.file_size for entry in archive.infolist())


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_ships_itself_and_what_is_shared(domain):
    shipped = names(bundling.domain(domain, HOST))
    sources = {name for name in shipped if "__pycache__" not in name}
    roots = {name.split("/")[0] for name in sources}
    domains = {name.split("/")[1] for name in sources if name.startswith("functions/") and name.count("/") > 1}

    assert roots == {"functions", "shared", "events"}
    assert domains == {domain}
    assert not [name for name in shipped if "/tests/" in name or name.startswith("shared/sql/migrat")]


def test_migrations_travel_only_with_the_function_that_runs_them():
    with_history = names(bundling.domain("platform", HOST, migrations=True))

    assert "shared/sql/migrate.py" in with_history
    assert "shared/sql/migrations/versions/0001_house.py" in with_history


def test_platform_serves_the_merged_document_and_a_page_to_read_it_with():
    shipped = names(bundling.domain("platform", HOST, extra=platform_files()))

    assert {
        "functions/platform/openapi.json",
        "functions/platform/swagger/index.html",
        "functions/platform/swagger/start.js",
        "functions/platform/swagger/swagger-ui-bundle.min.js",
        "functions/platform/swagger/swagger-ui.min.css",
    } <= set(shipped)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_source_of_a_layer_has_bytecode_that_is_never_checked_again(layer):
    assert_compiled(bundling.layer(layer, HOST))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_source_of_a_domain_has_bytecode_that_is_never_checked_again(domain):
    assert_compiled(bundling.domain(domain, HOST))


def assert_compiled(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        inside = set(archive.namelist())
        for source in (Path(name) for name in inside if name.endswith(".py")):
            compiled = importlib.util.cache_from_source(str(source))
            assert compiled in inside, f"{source} has no bytecode"
            header = archive.read(compiled)[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(header[4:], "little") == UNCHECKED_HASH


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_http_function_and_its_layers_weigh_at_most_80_megabytes(domain):
    (manifest,) = [one for one in discover() if one.domain == domain]

    for function in manifest.functions:
        if isinstance(function, HttpFunction):
            layers = [bundling.layer(layer, HOST) for layer in function.layers]
            assert sum(map(unzipped, [bundling.domain(domain, HOST), *layers])) <= LARGEST


def test_every_function_and_its_layers_fit_into_what_lambda_unpacks():
    for manifest in discover():
        for function in manifest.functions:
            layers = [bundling.layer(layer, HOST) for layer in function.layers]
            assert sum(map(unzipped, [bundling.domain(manifest.domain, HOST), *layers])) <= LAMBDA_UNPACKS, function.name


def test_documents_travel_with_their_font_and_its_licence_and_no_font_that_nothing_is_set_in():
    bundle = bundling.layer("documents", CLOUD)

    fonts = [name for name in names(bundle) if name.endswith((".otf", ".ttf", ".ttc"))]
    assert fonts == ["python/pylopdf_fonts_zh_cn/NotoSansSC-Regular.otf"]
    with zipfile.ZipFile(bundle) as archive:
        (told,) = [name for name in archive.namelist() if "fonts_zh_cn" in name and name.endswith("/METADATA")]
        assert "SIL OPEN FONT LICENSE Version 1.1" in archive.read(told).decode()


def test_the_same_sources_make_the_same_bytes(tmp_path):
    made = []
    for attempt in ("first", "second"):
        target = Target(None, tmp_path / attempt)
        made.append([bundling.domain("platform", target), bundling.layer("sql", target)])

    for first, second in zip(*made, strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


def test_a_bundle_is_built_once():
    built = bundling.layer("text", HOST)
    written = built.stat().st_mtime_ns

    assert bundling.layer("text", HOST) == built
    assert built.stat().st_mtime_ns == written


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_for_the_cloud_hold_libraries_of_its_processor_and_python(layer):
    native = [name for name in names(bundling.layer(layer, CLOUD)) if name.endswith(".so")]

    assert not [name for name in native if "x86_64" in name or "darwin" in name]
    assert not [name for name in native if ".cpython-" in name and ".cpython-313-aarch64" not in name]


def test_the_layer_knows_every_aws_service_the_code_speaks_to():
    spoken = set()
    for root in ("functions", "shared"):
        for path in bundling.sources(REPOSITORY / root):
            if path.suffix == ".py":
                spoken |= clients(ast.parse(path.read_text()))

    assert spoken <= bundling.BOTOCORE_SERVICES
    shipped = names(bundling.layer("http", HOST))
    for service in bundling.BOTOCORE_SERVICES:
        assert any(name.startswith(f"python/botocore/data/{service}/") for name in shipped), service
    assert not any(name.startswith("python/botocore/data/ec2/") for name in shipped)


def clients(tree: ast.Module) -> set[str]:
    """The services of every `client("service")` and `aws.client("service")`."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) == "client"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_a_machine_without_the_python_of_lambda_may_not_deploy():
    class Elsewhere(Target):
        python = "3.99"

    with pytest.raises(CannotBundle, match=r"no Python 3.99 to compile bytecode with: run `uv python install 3.99`"):
        bundling.require_bytecode(Elsewhere("aarch64-manylinux_2_28"))

    bundling.require_bytecode(HOST)


def test_the_laptop_builds_for_the_interpreter_at_hand():
    assert HOST.compiler == Path(sys.executable)
    assert HOST.python == f"{sys.version_info.major}.{sys.version_info.minor}"
